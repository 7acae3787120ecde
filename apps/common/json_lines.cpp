#include "apps/common/json_lines.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "core/error.h"

namespace hush::apps {
namespace {

// The length of the file up to and including its last line end.
off_t whole_lines(int file, const std::filesystem::path& path) {
  off_t end = ::lseek(file, 0, SEEK_END);
  char last = '\n';
  while (end > 0) {
    if (::pread(file, &last, 1, end - 1) != 1)
      throw FileError(fmt::format("{}: cannot read: {}", path.string(), std::strerror(errno)));
    if (last == '\n') break;
    --end;
  }
  return end;
}

}  // namespace

JsonLines::JsonLines(std::filesystem::path path) : path_(std::move(path)) {
  file_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (file_ < 0)
    throw FileError(fmt::format("{}: cannot open for writing: {}; choose another --out",
                                path_.string(), std::strerror(errno)));
  try {
    const off_t end = whole_lines(file_, path_);
    if (::ftruncate(file_, end) != 0 || ::lseek(file_, end, SEEK_SET) < 0)
      throw FileError(fmt::format("{}: cannot append: {}", path_.string(), std::strerror(errno)));
  } catch (...) {
    ::close(file_);
    throw;
  }
}

JsonLines::~JsonLines() {
  ::close(file_);
}

void JsonLines::append(const Json& object) {
  const std::string line = object.dump() + "\n";
  const off_t start = ::lseek(file_, 0, SEEK_CUR);
  const ssize_t written = ::write(file_, line.data(), line.size());
  if (written == ssize_t(line.size()) && ::fdatasync(file_) == 0) return;
  const int reason = written >= 0 && errno == 0 ? ENOSPC : errno;
  if (::ftruncate(file_, start) == 0) ::lseek(file_, start, SEEK_SET);
  throw FileError(fmt::format("{}: cannot write a line of {} bytes: {}; free some space",
                              path_.string(), line.size(), std::strerror(reason)));
}

std::vector<Json> read_json_lines(const std::filesystem::path& path) {
  std::ifstream file(path);
  if (!file) throw FileError(fmt::format("{}: cannot be read", path.string()));
  std::vector<Json> objects;
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    if (line.empty()) continue;
    objects.push_back(Json::parse(line, nullptr, false));
    if (objects.back().is_discarded())
      throw FileError(fmt::format("{}: line {} is not JSON", path.string(), number));
  }
  return objects;
}

}  // namespace hush::apps
