#include "data/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace hush::data {
namespace {

constexpr std::int64_t kLargestContents = std::int64_t{2} << 30;

struct FreeArchive {
  void operator()(struct archive* reader) const noexcept { archive_read_free(reader); }
};
using ArchiveReader = std::unique_ptr<struct archive, FreeArchive>;

// The NAME of a regular file FOLDER/NAME; empty for every other entry.
std::string name_in_folder(archive_entry* entry, const std::string& folder) {
  const char* path = archive_entry_pathname(entry);
  if (!path || archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry))
    return {};
  std::string_view name(path);
  if (name.starts_with("./")) name.remove_prefix(2);
  if (!name.starts_with(folder + "/")) return {};
  name.remove_prefix(folder.size() + 1);
  const bool plain = name.find('/') == name.npos && name != "." && name != "..";
  return plain ? std::string(name) : std::string();
}

// Copies the contents of the current entry; returns their size.
std::int64_t write_entry(struct archive* reader, const std::filesystem::path& archive,
                         const std::filesystem::path& target, std::int64_t allowance) {
  std::ofstream out(target, std::ios::binary);
  std::vector<char> chunk(std::size_t{1} << 16);
  std::int64_t written = 0;
  for (la_ssize_t got = 1; got > 0; written += got) {
    got = archive_read_data(reader, chunk.data(), chunk.size());
    if (got < 0)
      throw FileError(
          fmt::format("{}: damaged archive ({})", archive.string(), archive_error_string(reader)));
    if (written + got > allowance)
      throw FileError(fmt::format("{}: unpacks to more than {} bytes, which no dataset here does",
                                  archive.string(), kLargestContents));
    out.write(chunk.data(), got);
  }
  out.close();
  if (!out)
    throw FileError(
        fmt::format("{}: cannot be written: {}", target.string(), std::strerror(errno)));
  return written;
}

}  // namespace

void unpack_folder(const std::filesystem::path& archive, const std::string& folder,
                   const std::filesystem::path& target) {
  const ArchiveReader reader(archive_read_new());
  archive_read_support_filter_gzip(reader.get());
  archive_read_support_format_tar(reader.get());
  const auto fail = [&] {
    throw FileError(fmt::format("{}: damaged archive ({})", archive.string(),
                                archive_error_string(reader.get())));
  };
  constexpr std::size_t kBlock = std::size_t{1} << 16;
  if (archive_read_open_filename(reader.get(), archive.c_str(), kBlock) != ARCHIVE_OK) fail();

  std::int64_t total = 0;
  bool found = false;
  archive_entry* entry = nullptr;
  int code = archive_read_next_header(reader.get(), &entry);
  for (; code == ARCHIVE_OK; code = archive_read_next_header(reader.get(), &entry)) {
    const std::string name = name_in_folder(entry, folder);
    if (name.empty()) continue;
    total += write_entry(reader.get(), archive, target / name, kLargestContents - total);
    found = true;
  }
  if (code != ARCHIVE_EOF) fail();
  if (!found)
    throw FileError(fmt::format("{}: does not contain the folder {}", archive.string(), folder));
}

}  // namespace hush::data
