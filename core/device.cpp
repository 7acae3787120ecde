#include "core/device.h"

#include <charconv>

#include "core/error.h"

namespace hush {

std::string Device::text() const {
  return kind == Kind::cpu ? "cpu" : fmt::format("cuda:{}", index);
}

Device Device::parse(std::string_view text) {
  if (text == "cpu") return {};
  if (text == "cuda") return {Kind::cuda, 0};
  constexpr std::string_view prefix = "cuda:";
  int index = -1;
  if (text.starts_with(prefix)) {
    const std::string_view digits = text.substr(prefix.size());
    const auto [end, status] = std::from_chars(digits.data(), digits.data() + digits.size(), index);
    if (status != std::errc() || end != digits.data() + digits.size()) index = -1;
  }
  require(index >= 0, "device '{}' is not one of cpu, cuda, cuda:N", text);
  return {Kind::cuda, index};
}

}  // namespace hush
