// The largest of each row, and where it is, by a tournament: neighbours are compared and the
// winners meet again, ⌈log2 columns⌉ levels.
//   maximum   max(a, b) = b + ReLU(a - b): one ReLU a pair.
//   argmax    d = (a >= b), then d · (a - b) and d · (index a - index b) in one selection: the
//             first of equal values wins.
// Each party learns masked values alone, uniform, and nothing of which column wins.
// Rounds: levels times those of relu.h (maximum), or of `nonnegative` and one more (argmax).
#pragma once

#include "mpc/online/relu.h"

namespace hush::mpc {

// y[row] = the largest of x[row][0 … columns - 1]. Differences must keep within options.width;
// options.shift must be 0. x.size() is a multiple of columns.
Conversation maximum(Party& party, ReluOptions options, std::size_t columns,
                     std::span<const Ring> x, std::span<Ring> y);
Cost predict_maximum(const ReluOptions& options, std::size_t rows, std::size_t columns);
void demand_maximum(Demand& demand, const ReluOptions& options, std::size_t rows,
                    std::size_t columns);

// index[row] = shares of the column of the largest.
Conversation argmax(Party& party, ReluOptions options, std::size_t columns, std::span<const Ring> x,
                    std::span<Ring> index);
Cost predict_argmax(const ReluOptions& options, std::size_t rows, std::size_t columns);
void demand_argmax(Demand& demand, const ReluOptions& options, std::size_t rows,
                   std::size_t columns);

}  // namespace hush::mpc
