#include "apps/serve/log.h"

#include <algorithm>
#include <cstdio>

namespace hush::apps {
namespace {

std::string& prefix() {
  static std::string text = "hush";
  return text;
}

}  // namespace

void name_log(const std::string& program) {
  prefix() = program;
}

void write_log(std::string line) {
  std::ranges::replace(line, '\n', ' ');
  const std::string text = fmt::format("{}: {}\n", prefix(), line);
  std::fwrite(text.data(), 1, text.size(), stderr);  // one call, so that lines do not mix
}

}  // namespace hush::apps
