// Whole files as bytes. Every error is a FileError that names the path.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace hush::data {

// The bytes of a regular file, as they are.
std::vector<std::uint8_t> read_file(const std::filesystem::path& path);

// The bytes of a file that may be gzip-compressed or not. Refuses truncated or corrupt streams,
// and contents of more than `limit` bytes (a small file can expand to a thousand times its size).
std::vector<std::uint8_t> read_gzip_or_plain(const std::filesystem::path& path, std::size_t limit);

// The lines of a text file without the empty ones and without trailing white space.
std::vector<std::string> read_lines(const std::filesystem::path& path);

}  // namespace hush::data
