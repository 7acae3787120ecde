// The protocols on distributed comparison functions; relu.h describes them.
#pragma once

#include "mpc/offline/correlation.h"
#include "mpc/online/conversation.h"

namespace hush::mpc {

// y = max(x, 0) >> shift in 1 round, 8 bytes an element.
Conversation relu_by_dcf(Party& party, unsigned width, unsigned shift, std::span<const Ring> x,
                         std::span<Ring> y);

// The same in 2 rounds, 8 bytes and 1 bit.
Conversation relu_by_dcf_and_selection(Party& party, unsigned width, unsigned shift,
                                       std::span<const Ring> x, std::span<Ring> y);

// bits (packed) = shares under exclusive or of x >= 0. 1 round, 8 bytes.
Conversation nonnegative_by_dcf(Party& party, unsigned width, std::span<const Ring> x,
                                std::span<std::uint64_t> bits);

}  // namespace hush::mpc
