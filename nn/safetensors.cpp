#include "nn/safetensors.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <limits>
#include <system_error>

#include "nn/atomic_file.h"
#include "nn/half.h"

namespace hush::nn {
namespace {

static_assert(std::endian::native == std::endian::little, "the format is little-endian");

namespace fs = std::filesystem;

// Reads exactly `size` bytes at `offset`.
void read_at(int file, const fs::path& path, std::uint64_t offset, std::byte* to,
             std::size_t size) {
  while (size > 0) {
    const ssize_t got = ::pread(file, to, size, off_t(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0)
      throw FileError(fmt::format("{}: cannot be read: {}", path.string(),
                                  std::generic_category().message(errno)));
    if (got == 0)
      throw FileError(path.string() + ": ends early; it was cut short while it was read");
    to += got;
    offset += std::uint64_t(got);
    size -= std::size_t(got);
  }
}

std::shared_ptr<const int> open_for_reading(const fs::path& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0)
    throw FileError(fmt::format("{}: cannot be opened: {}", path.string(),
                                std::generic_category().message(errno)));
  return {new int(file), [](const int* descriptor) {
            ::close(*descriptor);
            delete descriptor;
          }};
}

// Converts elements stored as From to elements of type To.
template <class From, class To, class F>
void convert(const std::vector<std::byte>& bytes, const Tensor& result, F f) {
  To* out = result.data<To>();
  for (std::int64_t i = 0; i < result.elements(); ++i) {
    From value;
    std::memcpy(&value, bytes.data() + std::size_t(i) * sizeof(From), sizeof(From));
    out[i] = f(value);
  }
}

DType dtype_for(FileType type) {
  switch (type) {
    case FileType::f64:
    case FileType::f32:
    case FileType::f16:
    case FileType::bf16:
      return DType::float32;
    case FileType::i64:
    case FileType::i32:
      return DType::int32;
    case FileType::u64:
      return DType::ring64;
    case FileType::u8:
    case FileType::boolean:
      return DType::uint8;
  }
  return DType::uint8;
}

FileType file_type_for(DType dtype) {
  switch (dtype) {
    case DType::float32:
      return FileType::f32;
    case DType::ring64:
      return FileType::u64;
    case DType::int32:
      return FileType::i32;
    case DType::uint8:
      return FileType::u8;
  }
  return FileType::u8;
}

}  // namespace

SafetensorsFile::SafetensorsFile(fs::path path)
    : path_(std::move(path)), file_(open_for_reading(path_)) {
  struct stat status {};
  if (::fstat(*file_, &status) != 0 || !S_ISREG(status.st_mode))
    throw FileError(path_.string() + ": is not a regular file");
  const auto size = std::uint64_t(status.st_size);
  if (size < 8) throw FileError(path_.string() + ": too short to be a safetensors file");
  std::array<std::byte, 8> prefix{};
  read_at(*file_, path_, 0, prefix.data(), prefix.size());
  const auto length = std::bit_cast<std::uint64_t>(prefix);
  if (length > kMaxHeaderBytes || length > size - 8)
    throw FileError(
        fmt::format("{}: claims a header of {} bytes in a file of {}; it is truncated "
                    "or not safetensors",
                    path_.string(), length, size));
  std::string json(std::size_t(length), '\0');
  read_at(*file_, path_, 8, reinterpret_cast<std::byte*>(json.data()), json.size());
  data_begin_ = 8 + length;
  header_ = parse_safetensors_header(json, size - data_begin_, path_.string());
}

const FileTensor* SafetensorsFile::find(std::string_view name) const {
  const auto found = std::ranges::find(header_.tensors, name, &FileTensor::name);
  return found == header_.tensors.end() ? nullptr : &*found;
}

Tensor SafetensorsFile::read(std::string_view name) const {
  const FileTensor* tensor = find(name);
  if (tensor == nullptr)
    throw FileError(fmt::format("{}: has no tensor '{}'", path_.string(), name));
  Shape shape;
  for (const std::int64_t extent : tensor->shape) shape.append(extent);
  const DType dtype = dtype_for(tensor->type);
  Tensor result = Tensor::empty(shape, dtype);
  const std::uint64_t offset = data_begin_ + tensor->begin;
  if (std::size_t(size_of(tensor->type)) == hush::size_of(dtype)) {
    read_at(*file_, path_, offset, result.raw(), result.bytes());
    return result;
  }
  std::vector<std::byte> bytes(std::size_t(tensor->end - tensor->begin));
  read_at(*file_, path_, offset, bytes.data(), bytes.size());
  if (tensor->type == FileType::f64) {
    convert<double, float>(bytes, result, [](double x) { return float(x); });
  } else if (tensor->type == FileType::f16) {
    convert<std::uint16_t, float>(bytes, result, from_float16);
  } else if (tensor->type == FileType::bf16) {
    convert<std::uint16_t, float>(bytes, result, from_bfloat16);
  } else {
    convert<std::int64_t, std::int32_t>(bytes, result, [&](std::int64_t x) {
      if (x != std::int32_t(x))
        throw FileError(fmt::format("{}: '{}' holds {}, which does not fit into 32 bits",
                                    path_.string(), name, x));
      return std::int32_t(x);
    });
  }
  return result;
}

void write_safetensors(const fs::path& path, const std::vector<NamedTensor>& tensors,
                       const Metadata& metadata) {
  // Wide elements first, so that every tensor stands aligned to its element size.
  std::vector<const NamedTensor*> order;
  order.reserve(tensors.size());
  for (const NamedTensor& tensor : tensors) order.push_back(&tensor);
  std::ranges::stable_sort(order, std::greater{}, [](const NamedTensor* tensor) {
    return hush::size_of(tensor->value.dtype());
  });

  SafetensorsHeader header{metadata, {}};
  std::uint64_t position = 0;
  for (const NamedTensor* tensor : order) {
    const std::uint64_t end = position + tensor->value.bytes();
    const Shape& shape = tensor->value.shape();
    header.tensors.push_back({tensor->name, file_type_for(tensor->value.dtype()),
                              std::vector<std::int64_t>(shape.begin(), shape.end()), position,
                              end});
    position = end;
  }
  std::vector<std::string_view> names;
  for (const FileTensor& tensor : header.tensors) names.emplace_back(tensor.name);
  std::ranges::sort(names);
  const auto twice = std::ranges::adjacent_find(names);
  require(twice == names.end(), "{}: two tensors are named '{}'", path.string(),
          twice == names.end() ? std::string_view() : *twice);

  const std::string json = safetensors_header_text(header);
  const auto prefix = std::bit_cast<std::array<std::byte, 8>>(std::uint64_t(json.size()));
  std::vector<std::span<const std::byte>> parts{prefix, std::as_bytes(std::span(json))};
  for (const NamedTensor* tensor : order) {
    require(tensor->value.device() == Device{}, "{}: '{}' is not on the host", path.string(),
            tensor->name);
    parts.emplace_back(tensor->value.raw(), tensor->value.bytes());
  }
  write_file_atomically(path, parts);
}

}  // namespace hush::nn
