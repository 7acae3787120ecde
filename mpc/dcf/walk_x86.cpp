// AES-NI and VAES instances of walk_x86.inl; see mpc/ot/lanes_x86.inl.
#include "mpc/dcf/walk.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include "mpc/ot/target_x86.h"

namespace hush::mpc {
namespace {

// Blocks between what is read and what is fetched from memory meanwhile, some levels further.
constexpr std::size_t kPrefetchAhead = 256;

// Running past the end of the array is harmless.
inline void prefetch(const Block* address) {
  _mm_prefetch(reinterpret_cast<const char*>(address), _MM_HINT_T0);
}

#include "mpc/ot/lanes_x86.inl"

HUSH_TARGET_BEGIN("aes,sse4.1")
namespace aesni {
#include "mpc/dcf/walk_x86.inl"
}  // namespace aesni
HUSH_TARGET_END

HUSH_TARGET_BEGIN("vaes,avx2")
namespace vaes256 {
#include "mpc/dcf/walk_x86.inl"
}  // namespace vaes256
HUSH_TARGET_END

HUSH_TARGET_BEGIN("vaes,avx512f,avx2")
namespace vaes512 {
#include "mpc/dcf/walk_x86.inl"
}  // namespace vaes512
HUSH_TARGET_END

}  // namespace

DcfWalkFunction find_x86_dcf_walk(AesPath path) {
  if (find_aes_kernels(path) == nullptr) return nullptr;  // it knows what the machine can run
  switch (path) {
    case AesPath::kAesNi:
      return aesni::walk;
    case AesPath::kVaes256:
      return vaes256::walk;
    case AesPath::kVaes512:
      return vaes512::walk;
    case AesPath::kPortable:
      break;
  }
  return nullptr;
}

}  // namespace hush::mpc

#else

namespace hush::mpc {
DcfWalkFunction find_x86_dcf_walk(AesPath /*path*/) {
  return nullptr;
}
}  // namespace hush::mpc

#endif
