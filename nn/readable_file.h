// A regular file that is read at arbitrary places.
//
// With pread, not mapped: a mapped file that is cut short by somebody else kills its reader, pread
// reports it. The file stays open, so that one renamed over it meanwhile does not mix in.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace hush::nn {

class ReadableFile {
 public:
  // Throws FileError that names the path if it cannot be opened or is not a regular file.
  explicit ReadableFile(std::filesystem::path path);

  const std::filesystem::path& path() const { return path_; }
  std::uint64_t size() const { return size_; }  // when it was opened
  // Fills `to` from byte `offset` on. Throws FileError if the file ends before that.
  void read(std::uint64_t offset, std::span<std::byte> to) const;

 private:
  std::filesystem::path path_;
  std::shared_ptr<const int> descriptor_;  // the last owner closes it
  std::uint64_t size_ = 0;
};

// A string of a file as it can stand in a one-line message: no control characters, not too long.
std::string printable(std::string_view text);

}  // namespace hush::nn
