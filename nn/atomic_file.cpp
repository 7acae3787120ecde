#include "nn/atomic_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "core/error.h"

namespace hush::nn {
namespace {

namespace fs = std::filesystem;

// A file descriptor that is closed when it goes.
class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  int get() const { return value_; }
  // Closes it now; false, with errno set, if that fails (a network disk may report only here).
  bool close() {
    const int value = value_;
    value_ = -1;
    return ::close(value) == 0;
  }

 private:
  int value_;
};

[[noreturn]] void fail(const fs::path& path, const char* what) {
  const std::string reason = std::generic_category().message(errno);
  std::error_code ignored;
  throw FileError(fmt::format("{}: {}: {}; {}", path.string(), what, reason,
                              fs::exists(path, ignored)
                                  ? "the file there is unchanged"
                                  : "nothing was written, choose another folder"));
}

bool write_all(int file, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes = bytes.subspan(std::size_t(written));
  }
  return true;
}

}  // namespace

void write_file_atomically(const fs::path& path,
                           std::span<const std::span<const std::byte>> parts) {
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  const fs::path partial = path.string() + ".partial";
  Descriptor file(::open(partial.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (file.get() < 0) fail(path, "cannot be written");
  bool good = true;
  for (const std::span<const std::byte> part : parts) good = good && write_all(file.get(), part);
  good = good && ::fsync(file.get()) == 0;
  good = good && file.close();
  good = good && ::rename(partial.c_str(), path.c_str()) == 0;
  if (!good) {
    const int reason = errno;
    ::unlink(partial.c_str());
    errno = reason;
    fail(path, "writing failed");
  }
  // The rename is durable once the folder is. Some file systems cannot sync a folder; the file
  // is complete all the same, so that is no error.
  const Descriptor parent(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (parent.get() >= 0) ::fsync(parent.get());
}

}  // namespace hush::nn
