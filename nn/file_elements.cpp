#include "nn/file_elements.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "nn/half.h"

namespace hush::nn {
namespace {

static_assert(std::endian::native == std::endian::little, "files are little-endian");

struct Row {
  FileType type;
  std::string_view name;
  std::int64_t size;
  DType dtype;
};
constexpr std::array kRows{
    Row{FileType::f64, "F64", 8, DType::float32},    Row{FileType::f32, "F32", 4, DType::float32},
    Row{FileType::f16, "F16", 2, DType::float32},    Row{FileType::bf16, "BF16", 2, DType::float32},
    Row{FileType::i64, "I64", 8, DType::int32},      Row{FileType::i32, "I32", 4, DType::int32},
    Row{FileType::u64, "U64", 8, DType::ring64},     Row{FileType::u8, "U8", 1, DType::uint8},
    Row{FileType::boolean, "BOOL", 1, DType::uint8},
};

const Row& row_of(FileType type) {
  return *std::ranges::find(kRows, type, &Row::type);
}

// Converts elements stored as From to elements of type To.
template <class From, class To, class F>
void convert(std::span<const std::byte> bytes, const Tensor& result, F f) {
  To* out = result.data<To>();
  for (std::int64_t i = 0; i < result.elements(); ++i) {
    From value;
    std::memcpy(&value, bytes.data() + std::size_t(i) * sizeof(From), sizeof(From));
    out[i] = f(value);
  }
}

}  // namespace

std::string_view name_of(FileType type) {
  return row_of(type).name;
}

std::int64_t size_of(FileType type) {
  return row_of(type).size;
}

DType dtype_for(FileType type) {
  return row_of(type).dtype;
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
    case DType::bfloat16:
      return FileType::bf16;
  }
  return FileType::u8;
}

void convert_elements(FileType type, std::span<const std::byte> bytes, const Tensor& result,
                      const std::string& where) {
  require(result.dtype() == dtype_for(type) &&
              bytes.size() == std::size_t(result.elements() * size_of(type)),
          "{}: {} bytes of {} do not fill {}", where, bytes.size(), name_of(type), result.text());
  switch (type) {
    case FileType::f64:
      return convert<double, float>(bytes, result, [](double x) { return float(x); });
    case FileType::f16:
      return convert<std::uint16_t, float>(bytes, result, from_float16);
    case FileType::bf16:
      return convert<std::uint16_t, float>(bytes, result, from_bfloat16);
    case FileType::i64:
      return convert<std::int64_t, std::int32_t>(bytes, result, [&](std::int64_t x) {
        if (x != std::int32_t(x))
          throw FileError(fmt::format("{}: holds {}, which does not fit into 32 bits", where, x));
        return std::int32_t(x);
      });
    case FileType::f32:
    case FileType::i32:
    case FileType::u64:
    case FileType::u8:
    case FileType::boolean:
      if (!bytes.empty()) std::memcpy(result.raw(), bytes.data(), bytes.size());
  }
}

}  // namespace hush::nn
