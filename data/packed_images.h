// A packed cache of decoded images, so that later epochs do not decode again.
//
// One file, numbers little-endian:
//   8 bytes    "HUSHPACK"
//   uint32     version, 1
//   uint32     shorter side that larger images were reduced to; 0: none were
//   uint64     images
//   64 bytes   digest of the source they were decoded from, in hexadecimal
//   per image  uint64 offset of its pixels, uint32 height, uint32 width; 0 × 0 if it did not decode
//   pixels     RGB, HWC, one image after the other
// Reads are plain file reads, which the system's page cache makes cheap, and not a mapping, which
// would kill the process if the file were cut short.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>

#include "data/image_source.h"

namespace hush::data {

class PackedImages final : public ImageSource {
 public:
  // Opens `path`. Throws FileError if it is no such file or damaged.
  explicit PackedImages(std::filesystem::path path);

  std::int64_t count() const override { return std::int64_t(entries_.size()); }
  Image read(std::int64_t index) const override;
  std::string digest() const override { return digest_; }
  // Whether image `index` decoded when the file was made.
  bool decoded(std::int64_t index) const { return entries_.at(std::size_t(index)).height > 0; }
  std::int64_t shorter_side() const { return shorter_; }

  // As it stands in the file.
  struct Entry {
    std::uint64_t offset;
    std::uint32_t height, width;
  };

 private:
  std::filesystem::path path_;
  std::shared_ptr<const int> file_;  // the descriptor; the last owner closes it
  std::int64_t shorter_ = 0;
  std::string digest_;
  std::vector<Entry> entries_;
};

// Decodes all of `source` on all threads of the pool, reduces what is larger to `shorter` (0: keeps
// it) and writes the packed file, atomically. `on_bad` is told of each image that does not decode,
// in order; it may throw. `progress` is told how many are done; it may throw to cancel.
void pack_images(const std::filesystem::path& path, const ImageSource& source, std::int64_t shorter,
                 const std::function<void(std::int64_t index, const std::string& what)>& on_bad,
                 const std::function<void(std::int64_t done)>& progress = {});

}  // namespace hush::data
