#include "mpc/channel/tls_credentials.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/crypto.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <system_error>

#include "core/error.h"

namespace hush::mpc {
namespace {

constexpr std::size_t kMaxFile = 64 << 10;  // bytes; PEM files are a few KiB

[[noreturn]] void fail(const char* action, const std::filesystem::path& path) {
  throw FileError(fmt::format("cannot {} {}: {}", action, path.string(),
                              std::generic_category().message(errno)));
}

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  int number() const { return number_; }

 private:
  int number_;
};

std::string read_small_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) fail("read", path);
  std::string content(kMaxFile + 1, '\0');
  in.read(content.data(), static_cast<std::streamsize>(content.size()));
  const auto size = static_cast<std::size_t>(in.gcount());
  if (size > kMaxFile)
    throw FileError(fmt::format("{} is larger than any PEM file should be", path.string()));
  content.resize(size);
  return content;
}

void check_private(const std::filesystem::path& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) fail("read", path);
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    throw FileError(
        fmt::format("{} may be read by others: make it private with chmod 600", path.string()));
}

void write_all(int descriptor, const std::string& content, const std::filesystem::path& path) {
  for (std::size_t done = 0; done < content.size();) {
    const ssize_t count = write(descriptor, content.data() + done, content.size() - done);
    if (count < 0 && errno != EINTR) fail("write", path);
    if (count > 0) done += static_cast<std::size_t>(count);
  }
  if (fsync(descriptor) != 0) fail("write", path);
}

}  // namespace

TlsCredentials load_credentials(const std::filesystem::path& directory, const std::string& name) {
  const std::filesystem::path key = directory / (name + ".key");
  check_private(key);
  return {read_small_file(directory / (name + ".crt")), read_small_file(key),
          read_small_file(directory / "ca.crt")};
}

void write_whole_file(const std::filesystem::path& path, const std::string& content,
                      Secrecy secrecy) {
  std::string temporary = path.string() + ".XXXXXX";
  const Descriptor file(mkostemp(temporary.data(), O_CLOEXEC));  // mode 0600 from the start
  if (file.number() < 0) fail("create a file beside", path);
  try {
    write_all(file.number(), content, path);
    if (secrecy == Secrecy::open && fchmod(file.number(), 0644) != 0) fail("write", path);
    if (rename(temporary.c_str(), path.c_str()) != 0) fail("write", path);
  } catch (...) {
    unlink(temporary.c_str());
    throw;
  }
  const std::filesystem::path parent = path.has_parent_path() ? path.parent_path() : ".";
  const Descriptor folder(open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.number() < 0 || fsync(folder.number()) != 0) fail("write", path);
}

}  // namespace hush::mpc
