// The IDX parser on arbitrary bytes: a FileError, or extents whose product is what follows them.
#include <cstdlib>
#include <numeric>

#include "core/error.h"
#include "data/idx.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace hush::data;
  if (size == 0) return 0;
  const int rank = 1 + bytes[0] % 3;
  IdxArray array;
  try {
    array = parse_idx({bytes + 1, size - 1}, "input", rank);
  } catch (const hush::FileError&) {
    return 0;
  }
  std::size_t elements = 1;
  for (std::int64_t extent : array.extents) elements *= std::size_t(extent);
  if (int(array.extents.size()) != rank || elements != array.values.size()) std::abort();
  // Touches every byte, so that a span that is too long is noticed.
  if (std::accumulate(array.values.begin(), array.values.end(), std::size_t{0}) > 255 * elements)
    std::abort();
  return 0;
}
