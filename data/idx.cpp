#include "data/idx.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/error.h"
#include "data/file_bytes.h"

namespace hush::data {
namespace {

constexpr std::size_t kLargestFile = std::size_t{4} << 30;  // 60 times MNIST's
constexpr std::uint8_t kUnsignedByte = 0x08;

std::uint32_t big_endian(const std::uint8_t* bytes) {
  return std::uint32_t(bytes[0]) << 24 | std::uint32_t(bytes[1]) << 16 |
         std::uint32_t(bytes[2]) << 8 | std::uint32_t(bytes[3]);
}

// `name` itself, or else its compressed form. If neither exists, reading will say so.
std::filesystem::path plain_or_compressed(const std::filesystem::path& folder,
                                          const std::string& name) {
  std::filesystem::path plain = folder / name;
  if (std::filesystem::exists(plain)) return plain;
  return folder / (name + ".gz");
}

}  // namespace

IdxArray parse_idx(std::span<const std::uint8_t> file, const std::string& where, int rank) {
  const std::size_t header_bytes = 4 + 4 * std::size_t(rank);
  if (file.size() < header_bytes)
    throw FileError(fmt::format("{}: {} bytes is too short for an IDX header of {}", where,
                                file.size(), header_bytes));
  if (file[0] != 0 || file[1] != 0 || file[2] != kUnsignedByte || file[3] != rank)
    throw FileError(
        fmt::format("{}: starts with {:02x} {:02x} {:02x} {:02x}, but an IDX file of "
                    "bytes with {} extents starts with 00 00 08 {:02x}",
                    where, file[0], file[1], file[2], file[3], rank, rank));
  IdxArray array;
  std::uint64_t elements = 1;
  bool overflow = false;
  for (int axis = 0; axis < rank; ++axis) {
    const std::uint32_t extent = big_endian(file.data() + 4 + 4 * axis);
    array.extents.push_back(extent);
    overflow |= __builtin_mul_overflow(elements, std::uint64_t{extent}, &elements);
  }
  const std::uint64_t present = file.size() - header_bytes;
  if (overflow || elements != present)
    throw FileError(fmt::format("{}: its header announces {} elements ({}), but {} follow", where,
                                overflow ? "too many" : fmt::to_string(elements),
                                fmt::join(array.extents, " x "), present));
  array.values = file.subspan(header_bytes);
  return array;
}

Dataset read_idx(const std::filesystem::path& folder, Split split,
                 std::vector<std::string> class_names) {
  const std::string prefix = split == Split::train ? "train" : "t10k";
  const auto image_path = plain_or_compressed(folder, prefix + "-images-idx3-ubyte");
  const auto label_path = plain_or_compressed(folder, prefix + "-labels-idx1-ubyte");
  const std::vector<std::uint8_t> image_file = read_gzip_or_plain(image_path, kLargestFile);
  const std::vector<std::uint8_t> label_file = read_gzip_or_plain(label_path, kLargestFile);
  const IdxArray images = parse_idx(image_file, image_path.string(), 3);
  const IdxArray labels = parse_idx(label_file, label_path.string(), 1);
  if (images.extents[0] != labels.extents[0])
    throw FileError(fmt::format("{}: {} labels, but {} has {} images", label_path.string(),
                                labels.extents[0], image_path.string(), images.extents[0]));
  if (images.values.empty())
    throw FileError(fmt::format("{}: holds no pixels", image_path.string()));
  const auto wrong = std::find_if(labels.values.begin(), labels.values.end(),
                                  [&](std::uint8_t label) { return label >= class_names.size(); });
  if (wrong != labels.values.end())
    throw FileError(fmt::format("{}: label {} at position {}, but labels end at {}",
                                label_path.string(), *wrong, wrong - labels.values.begin(),
                                class_names.size() - 1));

  Dataset dataset;
  dataset.split = split;
  dataset.source = folder;
  dataset.height = images.extents[1];
  dataset.width = images.extents[2];
  dataset.channels = 1;
  dataset.pixels.assign(images.values.begin(), images.values.end());
  dataset.labels.assign(labels.values.begin(), labels.values.end());
  dataset.class_names = std::move(class_names);
  return dataset;
}

}  // namespace hush::data
