// Tar archives (POSIX ustar) made in memory, hostile ones included.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

namespace hush::data {

struct TarEntry {
  std::string name;
  std::string contents;  // of a link: what it points to
  char type = '0';       // '0' file, '1' hard link, '2' symbolic link
};

inline std::vector<std::uint8_t> tar(const std::vector<TarEntry>& entries) {
  std::string archive;
  for (const TarEntry& entry : entries) {
    const bool is_file = entry.type == '0';
    std::string header(512, '\0');
    const auto put = [&](std::size_t offset, const std::string& text) {
      std::copy(text.begin(), text.end(), header.begin() + std::ptrdiff_t(offset));
    };
    const auto octal = [](std::size_t value, int digits) {
      char text[16];
      std::snprintf(text, sizeof text, "%0*zo", digits, value);
      return std::string(text);
    };
    put(0, entry.name);
    put(100, "0000644");
    put(124, octal(is_file ? entry.contents.size() : 0, 11));
    put(136, octal(0, 11));
    put(148, "        ");  // the checksum counts itself as blanks
    put(156, std::string(1, entry.type));
    if (!is_file) put(157, entry.contents);
    put(257, "ustar");
    put(263, "00");
    std::size_t sum = 0;
    for (char c : header) sum += std::uint8_t(c);
    put(148, octal(sum, 6) + '\0');
    archive += header;
    if (is_file) {
      archive += entry.contents;
      archive.resize((archive.size() + 511) / 512 * 512);
    }
  }
  archive.resize(archive.size() + 1024);
  return {archive.begin(), archive.end()};
}

}  // namespace hush::data
