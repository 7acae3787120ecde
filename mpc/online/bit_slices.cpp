#include "mpc/online/bit_slices.h"

#include <algorithm>

#include "core/error.h"
#include "mpc/ot/bit_packing.h"

namespace hush::mpc {

void slice_bits(std::span<const Ring> x, unsigned width, std::span<std::uint64_t> planes) {
  const std::size_t words = bit_words(x.size());
  require(width <= 64 && planes.size() == width * words, "bit slices: {} words for {} planes of {}",
          planes.size(), width, words);
  for (std::size_t word = 0; word < words; ++word) {
    const std::size_t count = std::min<std::size_t>(64, x.size() - 64 * word);
    std::uint64_t matrix[64] = {};
    std::copy_n(&x[64 * word], count, matrix);
    transpose_words(matrix);
    for (unsigned bit = 0; bit < width; ++bit) planes[bit * words + word] = matrix[bit];
  }
}

}  // namespace hush::mpc
