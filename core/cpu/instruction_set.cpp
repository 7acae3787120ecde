#include "core/cpu/instruction_set.h"

#include <hwy/targets.h>

#include <cstdlib>
#include <string_view>

#include "core/error.h"

namespace hush {

void limit_instruction_set() {
  const char* limit = std::getenv("HUSH_SIMD");
  if (limit == nullptr || std::string_view(limit) == "avx512") return;
  const bool none = std::string_view(limit) == "none";
  require(none || std::string_view(limit) == "avx2",
          "HUSH_SIMD is '{}'; it may be none, avx2 or avx512 (or unset: the widest there is)",
          limit);
  const std::int64_t avx512 = HWY_AVX3 | HWY_AVX3_DL;
  hwy::DisableTargets(none ? avx512 | HWY_AVX2 : avx512);
}

}  // namespace hush
