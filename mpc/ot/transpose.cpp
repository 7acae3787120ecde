// The trick: a 128 × 128 transposition is seven passes of block swaps. Pass p exchanges, for every
// pair of columns a and b = a + 2^p, the bits of a whose row number has bit p set with the bits of
// b whose row number has not. (Warren, "Hacker's Delight", 2nd edition, section 7-3, for 128 bits.)
// One, two or four such matrices lie side by side in a vector of 128, 256 or 512 bits: the same
// body is compiled for the baseline, AVX2 and AVX-512. Passes run in groups on 8 or 4 vectors at a
// time, so that they stay in registers.
#include "mpc/ot/transpose.h"

#include <cstdint>
#include <cstring>

#define HUSH_INLINE __attribute__((always_inline)) inline

namespace hush::mpc {
namespace {

// kBlocks blocks of one column, as 64-bit words. Spelled out because g++ 12 drops the attribute
// when its size depends on a template parameter.
template <std::size_t kBlocks>
struct VectorOf;
template <>
struct VectorOf<1> {
  using Type = std::uint64_t __attribute__((vector_size(16)));
};
template <>
struct VectorOf<2> {
  using Type = std::uint64_t __attribute__((vector_size(32)));
};
template <>
struct VectorOf<4> {
  using Type = std::uint64_t __attribute__((vector_size(64)));
};

constexpr std::size_t kColumns = 128;

// Exchanges what pass `kPass` exchanges between columns a and b.
template <unsigned kPass, class Vector>
HUSH_INLINE void swap_bits(Vector& a, Vector& b) {
  if constexpr (kPass == 6) {  // whole words
    const Vector old = a;
    if constexpr (sizeof(Vector) == 16) {
      a = __builtin_shufflevector(old, b, 0, 2);
      b = __builtin_shufflevector(old, b, 1, 3);
    } else if constexpr (sizeof(Vector) == 32) {
      a = __builtin_shufflevector(old, b, 0, 4, 2, 6);
      b = __builtin_shufflevector(old, b, 1, 5, 3, 7);
    } else {
      a = __builtin_shufflevector(old, b, 0, 8, 2, 10, 4, 12, 6, 14);
      b = __builtin_shufflevector(old, b, 1, 9, 3, 11, 5, 13, 7, 15);
    }
  } else {
    constexpr unsigned kShift = 1U << kPass;
    constexpr std::uint64_t kLowRows = ~std::uint64_t{0} / ((std::uint64_t{1} << kShift) + 1);
    const Vector moved = ((a >> kShift) ^ b) & kLowRows;
    b ^= moved;
    a ^= moved << kShift;
  }
}

// Passes kFirst .. kFirst + kLevels - 1 on 2^kLevels columns that are 2^kFirst apart.
template <unsigned kFirst, unsigned kLevels, class Vector>
HUSH_INLINE void swap_levels(Vector (&v)[1U << kLevels]) {
  constexpr unsigned kCount = 1U << kLevels;
  for (unsigned i = 0; i < kCount; ++i)
    if ((i & 1) == 0) swap_bits<kFirst>(v[i], v[i + 1]);
  for (unsigned i = 0; i < kCount; ++i)
    if ((i & 2) == 0) swap_bits<kFirst + 1>(v[i], v[i + 2]);
  if constexpr (kLevels == 3) {
    for (unsigned i = 0; i < kCount; ++i)
      if ((i & 4) == 0) swap_bits<kFirst + 2>(v[i], v[i + 4]);
  }
}

// Reads its columns from `in` and writes them to `out`, `in_step` and `out_step` blocks apart.
template <unsigned kFirst, unsigned kLevels, class Vector>
HUSH_INLINE void pass(const Block* in, std::size_t in_step, Vector* out) {
  constexpr unsigned kCount = 1U << kLevels;
  constexpr unsigned kApart = 1U << kFirst;
  for (unsigned base = 0; base < kColumns; ++base) {
    if ((base >> kFirst & (kCount - 1)) != 0) continue;
    Vector v[kCount];
    for (unsigned i = 0; i < kCount; ++i)
      std::memcpy(&v[i], in + (base + i * kApart) * in_step, sizeof(Vector));
    swap_levels<kFirst, kLevels>(v);
    for (unsigned i = 0; i < kCount; ++i) out[base + i * kApart] = v[i];
  }
}

template <std::size_t kBlocks>
HUSH_INLINE void transpose_matrices(const Block* columns, std::size_t stride, Block* rows) {
  using Vector = typename VectorOf<kBlocks>::Type;
  Vector work[kColumns];
  const Block* work_blocks = reinterpret_cast<const Block*>(work);
  pass<4, 3>(columns, stride, work);
  pass<2, 2>(work_blocks, kBlocks, work);
  pass<0, 2>(work_blocks, kBlocks, work);
  for (std::size_t part = 0; part < kBlocks; ++part)
    for (std::size_t row = 0; row < kColumns; ++row)
      std::memcpy(rows + part * kColumns + row, work_blocks + row * kBlocks + part, sizeof(Block));
}

template <std::size_t kBlocks>
HUSH_INLINE void transpose_all(const Block* columns, std::size_t stride, std::size_t groups,
                               Block* rows) {
  for (std::size_t block = 0; block < groups * kTransposeGroup / 128; block += kBlocks)
    transpose_matrices<kBlocks>(columns + block, stride, rows + block * kColumns);
}

#if defined(__x86_64__)
__attribute__((target("avx512f"))) void transpose_avx512(const Block* columns, std::size_t stride,
                                                         std::size_t groups, Block* rows) {
  transpose_all<4>(columns, stride, groups, rows);
}
__attribute__((target("avx2"))) void transpose_avx2(const Block* columns, std::size_t stride,
                                                    std::size_t groups, Block* rows) {
  transpose_all<2>(columns, stride, groups, rows);
}
#endif

void transpose_baseline(const Block* columns, std::size_t stride, std::size_t groups, Block* rows) {
  transpose_all<1>(columns, stride, groups, rows);
}

}  // namespace

TransposeFunction find_transpose(unsigned vector_bits) {
#if defined(__x86_64__)
  if (vector_bits == 512 && __builtin_cpu_supports("avx512f") != 0) return transpose_avx512;
  if (vector_bits == 256 && __builtin_cpu_supports("avx2") != 0) return transpose_avx2;
#endif
  return vector_bits == 128 ? transpose_baseline : nullptr;
}

void transpose_columns(const Block* columns, std::size_t stride, std::size_t groups, Block* rows) {
  static const TransposeFunction best = [] {
    for (const unsigned vector_bits : {512, 256})
      if (const TransposeFunction transpose = find_transpose(vector_bits)) return transpose;
    return transpose_baseline;
  }();
  best(columns, stride, groups, rows);
}

}  // namespace hush::mpc
