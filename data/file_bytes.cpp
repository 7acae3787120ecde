#include "data/file_bytes.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>

#include "core/error.h"

namespace hush::data {
namespace {

void check_is_file(const std::filesystem::path& path) {
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(path, error);
  if (status.type() == std::filesystem::file_type::not_found)
    throw FileError(fmt::format("{}: no such file", path.string()));
  if (error) throw FileError(fmt::format("{}: {}", path.string(), error.message()));
  if (!std::filesystem::is_regular_file(status))
    throw FileError(fmt::format("{}: not a regular file", path.string()));
}

[[noreturn]] void throw_unopened(const std::filesystem::path& path, int error) {
  throw FileError(fmt::format("{}: cannot be opened: {}", path.string(), std::strerror(error)));
}

struct CloseGzip {
  void operator()(gzFile_s* file) const noexcept { gzclose_r(file); }
};

}  // namespace

std::vector<std::uint8_t> read_file(const std::filesystem::path& path) {
  check_is_file(path);
  std::ifstream in(path, std::ios::binary);
  if (!in) throw_unopened(path, errno);
  std::vector<std::uint8_t> bytes(std::filesystem::file_size(path));
  in.read(reinterpret_cast<char*>(bytes.data()), std::streamsize(bytes.size()));
  if (std::size_t(in.gcount()) != bytes.size())
    throw FileError(fmt::format("{}: only {} of {} bytes could be read", path.string(), in.gcount(),
                                bytes.size()));
  return bytes;
}

std::vector<std::uint8_t> read_gzip_or_plain(const std::filesystem::path& path, std::size_t limit) {
  check_is_file(path);
  errno = 0;
  std::unique_ptr<gzFile_s, CloseGzip> file(gzopen(path.c_str(), "rb"));
  if (!file) throw_unopened(path, errno);
  constexpr std::size_t kChunk = std::size_t{1} << 20;
  gzbuffer(file.get(), kChunk / 4);

  std::vector<std::uint8_t> bytes;
  std::size_t used = 0;
  for (int got = 1; got > 0; used += std::size_t(got)) {
    // The vector grows with what arrives, not with what a header promises.
    bytes.resize(used + kChunk);
    got = gzread(file.get(), bytes.data() + used, unsigned(kChunk));
    int code = Z_OK;
    const char* reason = gzerror(file.get(), &code);
    if (got < 0 || code != Z_OK)
      throw FileError(fmt::format("{}: {}; fetch the file again", path.string(),
                                  code == Z_BUF_ERROR ? "the gzip stream is truncated" : reason));
    if (used + std::size_t(got) > limit)
      throw FileError(fmt::format("{}: expands to more than {} bytes, which no dataset here does",
                                  path.string(), limit));
  }
  bytes.resize(used);
  return bytes;
}

std::vector<std::string> read_lines(const std::filesystem::path& path) {
  const std::vector<std::uint8_t> bytes = read_file(path);
  std::vector<std::string> lines;
  for (auto begin = bytes.begin(); begin != bytes.end();) {
    const auto end = std::find(begin, bytes.end(), '\n');
    std::string line(begin, end);
    line.erase(line.find_last_not_of(" \t\r") + 1);
    if (!line.empty()) lines.push_back(std::move(line));
    begin = end == bytes.end() ? end : end + 1;
  }
  return lines;
}

}  // namespace hush::data
