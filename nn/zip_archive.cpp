#include "nn/zip_archive.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "core/error.h"

namespace hush::nn {
namespace {

using Bytes = std::vector<std::byte>;

constexpr std::uint32_t kLocalHeader = 0x04034b50;
constexpr std::uint32_t kDirectoryEntry = 0x02014b50;
constexpr std::uint32_t kEnd = 0x06054b50;
constexpr std::uint32_t kEnd64 = 0x06064b50;
constexpr std::uint32_t kEnd64Locator = 0x07064b50;
constexpr std::uint64_t kLocalHeaderBytes = 30, kDirectoryEntryBytes = 46, kEndBytes = 22,
                        kEnd64Bytes = 56, kEnd64LocatorBytes = 20;
constexpr std::uint64_t kLongestComment = 65535;
constexpr std::uint64_t kLargestDirectory = std::uint64_t{64} << 20;
constexpr std::uint16_t kZip64Extra = 1;
constexpr std::uint32_t kIn64 = 0xffffffff;  // "see the zip64 record"

template <class T>
T field(std::span<const std::byte> bytes, std::uint64_t offset) {
  T value{};
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

struct Directory {
  std::uint64_t begin = 0, size = 0, entries = 0;
};

// Reads an archive's directory once; what it keeps is only for messages and bounds.
class DirectoryReader {
 public:
  explicit DirectoryReader(const ReadableFile& file) : file_(file) {}

  std::map<std::string, ZipArchive::Entry, std::less<>> read() const;

 private:
  [[noreturn]] void fail(std::string_view what) const {
    throw FileError(
        fmt::format("{}: {}; the file is truncated or damaged", file_.path().string(), what));
  }
  // `size` bytes at `offset`, which need not lie in the file.
  Bytes bytes_at(std::uint64_t offset, std::uint64_t size) const {
    if (offset > file_.size() || size > file_.size() - offset)
      fail("a zip record lies outside of the file");
    Bytes bytes(size);
    file_.read(offset, bytes);
    return bytes;
  }
  Directory directory() const;
  Directory directory64(std::uint64_t end) const;
  // What the zip64 extra field says instead of the 32-bit fields that refer to it.
  void apply_zip64(std::span<const std::byte> extra, std::uint64_t& stored, std::uint64_t& size,
                   std::uint64_t& header) const;
  ZipArchive::Entry locate(std::uint64_t header, std::uint64_t size) const;

  const ReadableFile& file_;
};

Directory DirectoryReader::directory() const {
  const std::uint64_t tail_size = std::min(file_.size(), kEndBytes + kLongestComment);
  if (tail_size < kEndBytes) fail("too short to be a zip archive");
  const std::uint64_t tail_begin = file_.size() - tail_size;
  const Bytes tail = bytes_at(tail_begin, tail_size);
  // The last record whose comment reaches to the end of the file.
  for (std::uint64_t at = tail_size - kEndBytes + 1; at-- > 0;) {
    if (field<std::uint32_t>(tail, at) != kEnd ||
        field<std::uint16_t>(tail, at + 20) != tail_size - at - kEndBytes)
      continue;
    if (field<std::uint16_t>(tail, at + 4) != 0 || field<std::uint16_t>(tail, at + 6) != 0)
      fail("the archive is in several parts");
    const Directory result{field<std::uint32_t>(tail, at + 16), field<std::uint32_t>(tail, at + 12),
                           field<std::uint16_t>(tail, at + 10)};
    const std::uint64_t end = tail_begin + at;
    if (end >= kEnd64LocatorBytes &&
        field<std::uint32_t>(bytes_at(end - kEnd64LocatorBytes, 4), 0) == kEnd64Locator)
      return directory64(end);
    return result;
  }
  fail("has no zip directory at its end");
}

Directory DirectoryReader::directory64(std::uint64_t end) const {
  const Bytes locator = bytes_at(end - kEnd64LocatorBytes, kEnd64LocatorBytes);
  const Bytes record = bytes_at(field<std::uint64_t>(locator, 8), kEnd64Bytes);
  if (field<std::uint32_t>(record, 0) != kEnd64) fail("the zip64 record is not where it should be");
  return {field<std::uint64_t>(record, 48), field<std::uint64_t>(record, 40),
          field<std::uint64_t>(record, 32)};
}

void DirectoryReader::apply_zip64(std::span<const std::byte> extra, std::uint64_t& stored,
                                  std::uint64_t& size, std::uint64_t& header) const {
  while (extra.size() >= 4) {
    const auto id = field<std::uint16_t>(extra, 0);
    const std::size_t length = field<std::uint16_t>(extra, 2);
    if (length > extra.size() - 4) fail("an extra field is longer than its entry");
    std::span<const std::byte> body = extra.subspan(4, length);
    extra = extra.subspan(4 + length);
    if (id != kZip64Extra) continue;
    for (std::uint64_t* value : {&size, &stored, &header}) {
      if (*value != kIn64) continue;
      if (body.size() < 8) fail("a zip64 field is missing");
      *value = field<std::uint64_t>(body, 0);
      body = body.subspan(8);
    }
  }
}

ZipArchive::Entry DirectoryReader::locate(std::uint64_t header, std::uint64_t size) const {
  const Bytes local = bytes_at(header, kLocalHeaderBytes);
  if (field<std::uint32_t>(local, 0) != kLocalHeader) fail("an entry is not where it should be");
  const std::uint64_t begin = header + kLocalHeaderBytes + field<std::uint16_t>(local, 26) +
                              field<std::uint16_t>(local, 28);
  if (begin > file_.size() || size > file_.size() - begin)
    fail("an entry reaches beyond the end of the file");
  return {begin, size};
}

std::map<std::string, ZipArchive::Entry, std::less<>> DirectoryReader::read() const {
  const Directory directory = this->directory();
  if (directory.size > kLargestDirectory) fail("the directory is larger than 64 MiB");
  const Bytes all = bytes_at(directory.begin, directory.size);
  std::span<const std::byte> rest = all;
  std::map<std::string, ZipArchive::Entry, std::less<>> result;
  for (std::uint64_t i = 0; i < directory.entries; ++i) {
    if (rest.size() < kDirectoryEntryBytes || field<std::uint32_t>(rest, 0) != kDirectoryEntry)
      fail("the directory has fewer entries than announced");
    const auto flags = field<std::uint16_t>(rest, 8), method = field<std::uint16_t>(rest, 10);
    std::uint64_t stored = field<std::uint32_t>(rest, 20), size = field<std::uint32_t>(rest, 24),
                  header = field<std::uint32_t>(rest, 42);
    const std::size_t name_size = field<std::uint16_t>(rest, 28),
                      extra_size = field<std::uint16_t>(rest, 30),
                      comment_size = field<std::uint16_t>(rest, 32);
    if (name_size + extra_size + comment_size > rest.size() - kDirectoryEntryBytes)
      fail("a directory entry is longer than the directory");
    std::string name(reinterpret_cast<const char*>(rest.data()) + kDirectoryEntryBytes, name_size);
    apply_zip64(rest.subspan(kDirectoryEntryBytes + name_size, extra_size), stored, size, header);
    rest = rest.subspan(kDirectoryEntryBytes + name_size + extra_size + comment_size);
    if ((flags & 1) != 0 || method != 0 || stored != size)
      throw FileError(fmt::format(
          "{}: its entry '{}' is compressed or encrypted, which torch.save never does; save it "
          "again with torch.save",
          file_.path().string(), printable(name)));
    const ZipArchive::Entry entry = locate(header, size);
    if (!result.emplace(name, entry).second)
      fail(fmt::format("two entries are named '{}'", printable(name)));
  }
  return result;
}

}  // namespace

ZipArchive::ZipArchive(const ReadableFile& file) : entries_(DirectoryReader(file).read()) {}

const ZipArchive::Entry* ZipArchive::find(std::string_view name) const {
  const auto found = entries_.find(name);
  return found == entries_.end() ? nullptr : &found->second;
}

}  // namespace hush::nn
