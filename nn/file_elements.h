// Element types of weight files, and how their elements become those of tensors.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/tensor.h"

namespace hush::nn {

// Named as safetensors files name them: F64, F32, F16, BF16, I64, I32, U64, U8, BOOL.
enum class FileType : std::uint8_t { f64, f32, f16, bf16, i64, i32, u64, u8, boolean };

std::string_view name_of(FileType type);  // "F32"
std::int64_t size_of(FileType type);      // bytes of one element
// F64, F32, F16 and BF16 become float32, I64 and I32 int32, U64 ring64, U8 and BOOL uint8.
DType dtype_for(FileType type);
// The type that elements of `dtype` are written as.
FileType file_type_for(DType dtype);

// Fills the host tensor `result`, of type dtype_for(type), from elements that lie one after the
// other in `bytes`, little-endian. Throws FileError, beginning with `where`, if an I64 does not
// fit into 32 bits.
void convert_elements(FileType type, std::span<const std::byte> bytes, const Tensor& result,
                      const std::string& where);

}  // namespace hush::nn
