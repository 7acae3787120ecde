#include "data/packed_images.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "core/error.h"
#include "core/thread_pool.h"

namespace hush::data {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMagic = "HUSHPACK";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kDigestBytes = 64;

struct Header {
  std::array<char, 8> magic;
  std::uint32_t version, shorter;
  std::uint64_t images;
  std::array<char, kDigestBytes> digest;
};
static_assert(sizeof(Header) == 88, "the header has no padding");

[[noreturn]] void fail(const fs::path& path, std::string_view what) {
  throw FileError(fmt::format("{}: {}; delete it to have it made again", path.string(), what));
}

void read_at(int file, const fs::path& path, std::uint64_t offset, void* to, std::size_t size) {
  auto* at = static_cast<std::byte*>(to);
  while (size > 0) {
    const ssize_t got = ::pread(file, at, size, off_t(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail(path, fmt::format("cannot be read: {}", std::strerror(errno)));
    if (got == 0) fail(path, "ends early");
    at += got;
    offset += std::uint64_t(got);
    size -= std::size_t(got);
  }
}

struct Decoded {
  Image image;
  std::string error;  // empty if it decoded
};

Decoded decode(const ImageSource& source, std::int64_t index, std::int64_t shorter) {
  try {
    Image image = source.read(index);
    return {shorter > 0 ? reduced(std::move(image), shorter) : std::move(image), {}};
  } catch (const FileError& error) {
    return {{}, error.what()};
  }
}

template <class T>
void put(std::ofstream& out, const T* values, std::size_t count) {
  out.write(reinterpret_cast<const char*>(values), std::streamsize(count * sizeof(T)));
}

// A name for the file under way, removed unless it is renamed.
class Unfinished {
 public:
  explicit Unfinished(const fs::path& path)
      : path_(path.string() + fmt::format(".{}.incomplete", ::getpid())) {}
  Unfinished(const Unfinished&) = delete;
  Unfinished& operator=(const Unfinished&) = delete;
  ~Unfinished() {
    std::error_code ignored;
    fs::remove(path_, ignored);
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

}  // namespace

PackedImages::PackedImages(fs::path path) : path_(std::move(path)) {
  const int descriptor = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0)
    throw FileError(fmt::format("{}: cannot be opened: {}", path_.string(), std::strerror(errno)));
  file_ = {new int(descriptor), [](const int* open) {
             ::close(*open);
             delete open;
           }};
  struct stat status {};
  if (::fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode))
    throw FileError(path_.string() + ": is not a regular file");
  const auto size = std::uint64_t(status.st_size);
  Header header{};
  if (size < sizeof(Header)) fail(path_, "is no packed file of images");
  read_at(descriptor, path_, 0, &header, sizeof(Header));
  if (!std::ranges::equal(header.magic, kMagic) || header.version != kVersion)
    fail(path_, "is no packed file of images, or one of another version");
  if (header.images > (size - sizeof(Header)) / sizeof(Entry))
    fail(path_, "is shorter than its index");
  shorter_ = header.shorter;
  digest_.assign(header.digest.begin(), header.digest.end());
  entries_.resize(header.images);
  read_at(descriptor, path_, sizeof(Header), entries_.data(), entries_.size() * sizeof(Entry));
  for (const Entry& entry : entries_) {
    const std::uint64_t pixels = std::uint64_t{entry.height} * entry.width;
    if ((entry.height == 0) != (entry.width == 0) || pixels > std::uint64_t(kMostPixels) ||
        entry.offset > size || pixels * 3 > size - entry.offset)
      fail(path_, "has an image that reaches beyond its end");
  }
}

Image PackedImages::read(std::int64_t index) const {
  const Entry& entry = entries_.at(std::size_t(index));
  if (entry.height == 0) fail(path_, fmt::format("image {} did not decode", index));
  Image image{entry.height, entry.width, 3, {}};
  image.pixels.resize(std::size_t(image.height * image.width * 3));
  read_at(*file_, path_, entry.offset, image.pixels.data(), image.pixels.size());
  return image;
}

void pack_images(const fs::path& path, const ImageSource& source, std::int64_t shorter,
                 const std::function<void(std::int64_t, const std::string&)>& on_bad,
                 const std::function<void(std::int64_t)>& progress) {
  using Entry = PackedImages::Entry;
  Header header{{}, kVersion, std::uint32_t(shorter), std::uint64_t(source.count()), {}};
  std::ranges::copy(kMagic, header.magic.begin());
  const std::string digest = source.digest();
  require(digest.size() == kDigestBytes, "pack_images: a digest of {} characters", digest.size());
  std::ranges::copy(digest, header.digest.begin());
  std::vector<Entry> entries(std::size_t(source.count()));

  if (path.has_parent_path()) fs::create_directories(path.parent_path());
  const Unfinished unfinished(path);
  std::ofstream out(unfinished.path(), std::ios::binary);
  std::uint64_t position = sizeof(Header) + entries.size() * sizeof(Entry);
  out.seekp(std::streamoff(position));
  constexpr std::size_t kBlock = 64;  // decoded at a time; bounds the memory
  for (std::size_t first = 0; first < entries.size(); first += kBlock) {
    std::vector<Decoded> block(std::min(kBlock, entries.size() - first));
    parallel_chunks(block.size(), [&](std::size_t i) {
      block[i] = decode(source, std::int64_t(first + i), shorter);
    });
    for (std::size_t i = 0; i < block.size(); ++i) {
      const auto& [image, error] = block[i];
      if (!error.empty()) on_bad(std::int64_t(first + i), error);
      entries[first + i] = {position, std::uint32_t(image.height), std::uint32_t(image.width)};
      put(out, image.pixels.data(), image.pixels.size());
      position += image.pixels.size();
    }
    if (progress) progress(std::int64_t(first + block.size()));
  }
  out.seekp(0);
  put(out, &header, 1);
  put(out, entries.data(), entries.size());
  out.close();
  if (!out)
    throw FileError(fmt::format("{}: cannot be written (disk full?); nothing was kept",
                                unfinished.path().string()));
  fs::rename(unfinished.path(), path);
}

}  // namespace hush::data
