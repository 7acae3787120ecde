#include "nn/safetensors.h"

#include <algorithm>
#include <array>
#include <bit>

#include "nn/atomic_file.h"

namespace hush::nn {

namespace fs = std::filesystem;

SafetensorsFile::SafetensorsFile(fs::path path) : file_(std::move(path)) {
  const std::string where = file_.path().string();
  const std::uint64_t size = file_.size();
  if (size < 8) throw FileError(where + ": too short to be a safetensors file");
  std::array<std::byte, 8> prefix{};
  file_.read(0, prefix);
  const auto length = std::bit_cast<std::uint64_t>(prefix);
  if (length > kMaxHeaderBytes || length > size - 8)
    throw FileError(
        fmt::format("{}: claims a header of {} bytes in a file of {}; it is truncated "
                    "or not safetensors",
                    where, length, size));
  std::string json(std::size_t(length), '\0');
  file_.read(8, std::as_writable_bytes(std::span(json)));
  data_begin_ = 8 + length;
  header_ = parse_safetensors_header(json, size - data_begin_, where);
}

std::vector<NamedShape> SafetensorsFile::entries() const {
  std::vector<NamedShape> result;
  result.reserve(header_.tensors.size());
  for (const FileTensor& tensor : header_.tensors) {
    Shape shape;
    for (const std::int64_t extent : tensor.shape) shape.append(extent);
    result.push_back({tensor.name, shape});
  }
  return result;
}

const FileTensor* SafetensorsFile::find(std::string_view name) const {
  const auto found = std::ranges::find(header_.tensors, name, &FileTensor::name);
  return found == header_.tensors.end() ? nullptr : &*found;
}

Tensor SafetensorsFile::read(std::string_view name) const {
  const FileTensor* tensor = find(name);
  const std::string where = path().string();
  if (tensor == nullptr) throw FileError(fmt::format("{}: has no tensor '{}'", where, name));
  Shape shape;
  for (const std::int64_t extent : tensor->shape) shape.append(extent);
  const DType dtype = dtype_for(tensor->type);
  Tensor result = Tensor::empty(shape, dtype);
  const std::uint64_t offset = data_begin_ + tensor->begin;
  if (std::size_t(size_of(tensor->type)) == hush::size_of(dtype)) {
    file_.read(offset, {result.raw(), result.bytes()});
    return result;
  }
  std::vector<std::byte> bytes(std::size_t(tensor->end - tensor->begin));
  file_.read(offset, bytes);
  convert_elements(tensor->type, bytes, result, fmt::format("{}: '{}'", where, name));
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
