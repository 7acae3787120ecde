// The header of a safetensors file: which tensors it holds, and where.
//
// A file is an 8-byte little-endian length L, L bytes of JSON, then the tensors' bytes, row-major
// and little-endian, with nothing in between (https://github.com/huggingface/safetensors,
// "Format"):
//   {"__metadata__": {"key": "value", …},
//    "conv1.weight": {"dtype": "F32", "shape": [16, 3, 3, 3], "data_offsets": [0, 1728]}, …}
// Offsets count from the end of the header. A header comes from a stranger: nothing in it is
// believed before it is checked, and no memory is taken on its word.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "nn/file_elements.h"
#include "nn/weight_file.h"

namespace hush::nn {

struct FileTensor {
  std::string name;
  FileType type = FileType::f32;
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0;  // bytes from the end of the header
  std::uint64_t end = 0;
};

struct SafetensorsHeader {
  Metadata metadata;
  std::vector<FileTensor> tensors;  // in the order of their bytes
};

// The longest header that is read; the format's own limit.
inline constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;

// Parses a header that describes exactly `data_bytes` bytes. Throws FileError, beginning with
// `where`, if it is no such JSON, names anything twice, has a type not listed above, a shape of
// more than Shape::kMaxRank extents or one that does not fit its bytes, or if the tensors overlap,
// leave gaps or do not end where the data ends.
SafetensorsHeader parse_safetensors_header(std::string_view json, std::uint64_t data_bytes,
                                           const std::string& where);

// The JSON text for a header, padded with spaces so that 8 + its length is a multiple of 64.
std::string safetensors_header_text(const SafetensorsHeader& header);

}  // namespace hush::nn
