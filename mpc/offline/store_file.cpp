#include "mpc/offline/store_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace hush::mpc {
namespace {

class DiskFile final : public StoreFile {
 public:
  explicit DiskFile(const std::filesystem::path& path) : path_(path) {
    file_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
    if (file_ < 0) fail("open", errno);
    try {
      check_and_lock();
    } catch (...) {
      close(file_);
      throw;
    }
  }
  ~DiskFile() override { close(file_); }

  std::uint64_t size() const override { return std::uint64_t(status().st_size); }

  void read(std::uint64_t offset, std::span<std::byte> out) const override {
    while (!out.empty()) {
      const ssize_t count = pread(file_, out.data(), out.size(), off_t(offset));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) fail("read", errno);
      if (count == 0)
        throw FileError(fmt::format("store {}: ends at byte {}", path_.string(), offset));
      out = out.subspan(std::size_t(count));
      offset += std::uint64_t(count);
    }
  }
  void write(std::uint64_t offset, std::span<const std::byte> bytes) override {
    while (!bytes.empty()) {
      const ssize_t count = pwrite(file_, bytes.data(), bytes.size(), off_t(offset));
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) fail("write", count < 0 ? errno : ENOSPC);
      bytes = bytes.subspan(std::size_t(count));
      offset += std::uint64_t(count);
    }
  }
  void sync() override {
    if (fsync(file_) != 0) fail("write", errno);
  }
  void resize(std::uint64_t size) override {
    if (ftruncate(file_, off_t(size)) != 0) fail("resize", errno);
  }
  void reserve(std::uint64_t offset, std::uint64_t bytes) override {
    const int error = posix_fallocate(file_, off_t(offset), off_t(bytes));
    if (error != 0) fail(fmt::format("get {} bytes for", bytes).c_str(), error);
  }
  void discard(std::uint64_t offset, std::uint64_t bytes) override {
    // Not every file system can; then the bytes stay, and are never read again all the same.
    static_cast<void>(
        fallocate(file_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, off_t(offset), off_t(bytes)));
  }
  std::string name() const override { return path_.string(); }

 private:
  [[noreturn]] void fail(const char* what, int error) const {
    throw FileError(
        fmt::format("store {}: cannot {} it: {}", path_.string(), what, std::strerror(error)));
  }
  struct stat status() const {
    struct stat status {};
    if (fstat(file_, &status) != 0) fail("look at", errno);
    return status;
  }
  void check_and_lock() {
    const struct stat facts = status();
    if (!S_ISREG(facts.st_mode))
      throw FileError(fmt::format("store {}: is not a plain file", path_.string()));
    if ((facts.st_mode & (S_IRWXG | S_IRWXO)) != 0)
      throw FileError(fmt::format("store {}: may be read by others; make it private with chmod 600",
                                  path_.string()));
    if (flock(file_, LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) fail("lock", errno);
      throw FileError(fmt::format(
          "store {}: another process has it open; each correlation may be used once only",
          path_.string()));
    }
    sync_folder();
  }
  // A file whose name is not on the disk yet would be gone after a crash.
  void sync_folder() const {
    const std::filesystem::path parent = path_.has_parent_path() ? path_.parent_path() : ".";
    const int folder = open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool synced = folder >= 0 && fsync(folder) == 0;
    const int error = errno;
    if (folder >= 0) close(folder);
    if (!synced) fail("write the folder of", error);
  }

  std::filesystem::path path_;
  int file_;
};

}  // namespace

std::unique_ptr<StoreFile> open_store_file(const std::filesystem::path& path) {
  return std::make_unique<DiskFile>(path);
}

}  // namespace hush::mpc
