// Reading and writing safetensors files: named tensors with a little metadata.
//
// Tensors are read and written as they lie in the file; checkpoint.h knows which weights must be
// turned. A file is read with pread, not mapped: a mapped file that is cut short by somebody else
// kills its reader, pread reports it.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "nn/named_tensor.h"
#include "nn/safetensors_header.h"

namespace hush::nn {

// An open file whose header has been checked. Keeps the file open, so that a file renamed over
// it meanwhile does not mix in.
class SafetensorsFile {
 public:
  // Throws FileError that names the path if it cannot be opened or its header is not in order.
  explicit SafetensorsFile(std::filesystem::path path);

  const std::filesystem::path& path() const { return path_; }
  const Metadata& metadata() const { return header_.metadata; }
  const std::vector<FileTensor>& tensors() const { return header_.tensors; }
  // The tensor of that name, or null.
  const FileTensor* find(std::string_view name) const;

  // A tensor's values: F64, F32, F16 and BF16 as float32, I64 and I32 as int32, U64 as ring64, U8
  // and BOOL as uint8. Throws FileError if there is none of that name, the file was cut short, or
  // an I64 does not fit.
  Tensor read(std::string_view name) const;

 private:
  std::filesystem::path path_;
  std::shared_ptr<const int> file_;  // the descriptor; the last owner closes it
  std::uint64_t data_begin_ = 0;
  SafetensorsHeader header_;
};

// Writes the tensors, which are on the host, and the metadata to `path`, atomically; the same
// arguments give the same bytes. float32 is written as F32, ring64 as U64, int32 as I32, uint8 as
// U8. Throws FileError if that fails, and ArgumentError if two tensors have one name.
void write_safetensors(const std::filesystem::path& path, const std::vector<NamedTensor>& tensors,
                       const Metadata& metadata);

}  // namespace hush::nn
