#include "nn/weight_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

namespace hush::nn {
namespace {

struct Renaming {
  std::string_view from, to;
};

// `name` with the first of the prefixes that fits replaced.
template <std::size_t n>
std::string renamed(const std::array<Renaming, n>& table, std::string_view name) {
  for (const auto& [from, to] : table)
    if (name.starts_with(from)) return fmt::format("{}{}", to, name.substr(from.size()));
  return std::string(name);
}

constexpr std::array kOutside{
    Renaming{"conv_stem.", "features.0.0."},  Renaming{"bn1.", "features.0.1."},
    Renaming{"conv_head.", "features.8.0."},  Renaming{"bn2.", "features.8.1."},
    Renaming{"classifier.", "classifier.1."},
};
// The first stage has blocks without expansion: depthwise, squeeze-excitation, projection.
constexpr std::array kSeparableBlock{
    Renaming{"conv_dw.", "0.0."},          Renaming{"bn1.", "0.1."},
    Renaming{"se.conv_reduce.", "1.fc1."}, Renaming{"se.conv_expand.", "1.fc2."},
    Renaming{"conv_pw.", "2.0."},          Renaming{"bn2.", "2.1."},
};
constexpr std::array kInvertedBlock{
    Renaming{"conv_pw.", "0.0."},          Renaming{"bn1.", "0.1."},
    Renaming{"conv_dw.", "1.0."},          Renaming{"bn2.", "1.1."},
    Renaming{"se.conv_reduce.", "2.fc1."}, Renaming{"se.conv_expand.", "2.fc2."},
    Renaming{"conv_pwl.", "3.0."},         Renaming{"bn3.", "3.1."},
};

// "blocks.2.0.conv_pw.weight" as "features.3.0.block.0.0.weight"; others by kOutside.
std::string from_timm(std::string_view name) {
  constexpr std::string_view kBlocks = "blocks.";
  if (!name.starts_with(kBlocks)) return renamed(kOutside, name);
  int stage = 0, block = 0;
  const char* const end = name.data() + name.size();
  const auto [after_stage, stage_error] = std::from_chars(name.data() + kBlocks.size(), end, stage);
  if (stage_error != std::errc() || after_stage == end || stage < 0 || stage > 6)
    return std::string(name);
  const auto [after_block, block_error] = std::from_chars(after_stage + 1, end, block);
  if (block_error != std::errc() || after_block == end || block < 0) return std::string(name);
  const std::string_view rest(after_block + 1, std::size_t(end - after_block - 1));
  return fmt::format("features.{}.{}.block.{}", stage + 1, block,
                     stage == 0 ? renamed(kSeparableBlock, rest) : renamed(kInvertedBlock, rest));
}

std::string_view without_wrapper(std::string_view name) {
  for (const std::string_view wrapper : {"module.", "_orig_mod."})
    if (name.starts_with(wrapper)) name.remove_prefix(wrapper.size());
  return name;
}

}  // namespace

std::string canonical_name(std::string name) {
  name = without_wrapper(name);
  if (name.starts_with("linear.")) name.replace(0, 6, "fc");
  if (const std::size_t at = name.find(".shortcut."); at != std::string::npos)
    name.replace(at + 1, 8, "downsample");
  return name;
}

NameTranslation::NameTranslation(const std::vector<NamedShape>& entries, std::string prefix)
    : prefix_(std::move(prefix)),
      timm_efficientnet_(std::ranges::any_of(entries, [&](const NamedShape& entry) {
        return entry.name.starts_with(prefix_) &&
               without_wrapper(std::string_view(entry.name).substr(prefix_.size())) ==
                   "conv_stem.weight";
      })) {}

std::string NameTranslation::operator()(const std::string& name) const {
  const std::string_view bare = without_wrapper(std::string_view(name).substr(prefix_.size()));
  return canonical_name(timm_efficientnet_ ? from_timm(bare) : std::string(bare));
}

}  // namespace hush::nn
