#include "nn/readable_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "core/error.h"

namespace hush::nn {
namespace {

std::shared_ptr<const int> open_for_reading(const std::filesystem::path& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0)
    throw FileError(fmt::format("{}: cannot be opened: {}", path.string(),
                                std::generic_category().message(errno)));
  return {new int(file), [](const int* descriptor) {
            ::close(*descriptor);
            delete descriptor;
          }};
}

}  // namespace

ReadableFile::ReadableFile(std::filesystem::path path)
    : path_(std::move(path)), descriptor_(open_for_reading(path_)) {
  struct stat status {};
  if (::fstat(*descriptor_, &status) != 0 || !S_ISREG(status.st_mode))
    throw FileError(path_.string() + ": is not a regular file");
  size_ = std::uint64_t(status.st_size);
}

void ReadableFile::read(std::uint64_t offset, std::span<std::byte> to) const {
  while (!to.empty()) {
    const ssize_t got = ::pread(*descriptor_, to.data(), to.size(), off_t(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0)
      throw FileError(fmt::format("{}: cannot be read: {}", path_.string(),
                                  std::generic_category().message(errno)));
    if (got == 0)
      throw FileError(path_.string() + ": ends early; it was cut short while it was read");
    to = to.subspan(std::size_t(got));
    offset += std::uint64_t(got);
  }
}

std::string printable(std::string_view text) {
  constexpr std::size_t kLongest = 80;
  std::string result(text.substr(0, kLongest));
  for (char& c : result)
    if ((c >= 0 && c < ' ') || c == '\x7f') c = '?';
  return text.size() > kLongest ? result + "..." : result;
}

}  // namespace hush::nn
