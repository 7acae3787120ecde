// Reading and writing safetensors files: named tensors with a little metadata.
//
// Tensors are read and written as they lie in the file; checkpoint.h knows which weights must be
// turned.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "nn/named_tensor.h"
#include "nn/readable_file.h"
#include "nn/safetensors_header.h"

namespace hush::nn {

// An open file whose header has been checked.
class SafetensorsFile final : public WeightFile {
 public:
  // Throws FileError that names the path if it cannot be opened or its header is not in order.
  explicit SafetensorsFile(std::filesystem::path path);

  const std::filesystem::path& path() const override { return file_.path(); }
  const Metadata& metadata() const override { return header_.metadata; }
  std::vector<NamedShape> entries() const override;
  const std::vector<FileTensor>& tensors() const { return header_.tensors; }
  // The tensor of that name, or null.
  const FileTensor* find(std::string_view name) const;
  Tensor read(std::string_view name) const override;

 private:
  ReadableFile file_;
  std::uint64_t data_begin_ = 0;
  SafetensorsHeader header_;
};

// Writes the tensors, which are on the host, and the metadata to `path`, atomically; the same
// arguments give the same bytes. float32 is written as F32, ring64 as U64, int32 as I32, uint8 as
// U8. Throws FileError if that fails, and ArgumentError if two tensors have one name.
void write_safetensors(const std::filesystem::path& path, const std::vector<NamedTensor>& tensors,
                       const Metadata& metadata);

}  // namespace hush::nn
