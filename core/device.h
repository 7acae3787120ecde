// Where a tensor lives and its kernels run.
#pragma once

#include <string>
#include <string_view>

namespace hush {

struct Device {
  enum class Kind { cpu, cuda };
  Kind kind = Kind::cpu;
  int index = 0;

  // "cpu" or "cuda:0"
  std::string text() const;
  // Reads "cpu", "cuda", "cuda:N"; throws ArgumentError for anything else.
  static Device parse(std::string_view text);

  friend bool operator==(const Device& a, const Device& b) {
    return a.kind == b.kind && a.index == b.index;
  }
};

}  // namespace hush
