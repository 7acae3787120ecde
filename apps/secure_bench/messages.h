// What the client and the parties of a benchmark say to each other, by tag.
#pragma once

#include "mpc/channel/channel.h"

namespace hush::apps {

inline constexpr mpc::Tag kImages{0x03e0};
inline constexpr mpc::Tag kLogits{0x03e1};
inline constexpr mpc::Tag kReport{0x03e2};
inline constexpr mpc::Tag kMarks{0x03e3};
inline constexpr mpc::Tag kShown{0x03e4};  // with check_range: a step's input

}  // namespace hush::apps
