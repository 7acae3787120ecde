// AES-NI and VAES instances of aes_kernels.inl.
#if defined(__x86_64__)

#include "mpc/ot/aes_x86.h"

#include <cpuid.h>
#include <immintrin.h>

#include <cstring>

#include "mpc/ot/target_x86.h"

namespace hush::mpc {
namespace {

#include "mpc/ot/lanes_x86.inl"

HUSH_TARGET_BEGIN("aes,sse4.1")
namespace aesni {

#include "mpc/ot/aes_kernels.inl"

// One step of the key schedule of FIPS-197, section 5.2.
template <int kRoundConstant>
inline Lane next_round_key(Lane key) {
  const Lane word = _mm_shuffle_epi32(_mm_aeskeygenassist_si128(key, kRoundConstant), 0xff);
  key = _mm_xor_si128(key, _mm_slli_si128(key, 4));
  key = _mm_xor_si128(key, _mm_slli_si128(key, 8));
  return _mm_xor_si128(key, word);
}

void expand(Block key, AesKey& expanded) {
  Lane k[11];
  k[0] = load(&key);
  k[1] = next_round_key<0x01>(k[0]);
  k[2] = next_round_key<0x02>(k[1]);
  k[3] = next_round_key<0x04>(k[2]);
  k[4] = next_round_key<0x08>(k[3]);
  k[5] = next_round_key<0x10>(k[4]);
  k[6] = next_round_key<0x20>(k[5]);
  k[7] = next_round_key<0x40>(k[6]);
  k[8] = next_round_key<0x80>(k[7]);
  k[9] = next_round_key<0x1b>(k[8]);
  k[10] = next_round_key<0x36>(k[9]);
  for (unsigned round = 0; round < 11; ++round) store(&expanded.round[round], k[round]);
}

}  // namespace aesni
HUSH_TARGET_END

HUSH_TARGET_BEGIN("vaes,avx2")
namespace vaes256 {
#include "mpc/ot/aes_kernels.inl"
}  // namespace vaes256
HUSH_TARGET_END

HUSH_TARGET_BEGIN("vaes,avx512f,avx2")
namespace vaes512 {
#include "mpc/ot/aes_kernels.inl"
}  // namespace vaes512
HUSH_TARGET_END

constexpr AesKernels kAesNi{AesPath::kAesNi, "aes-ni",       aesni::expand,
                            aesni::counter,  aesni::mmo,     aesni::fold<1>,
                            aesni::fold<2>,  aesni::fold<4>, aesni::fold<8>};
constexpr AesKernels kVaes256{AesPath::kVaes256, "vaes-256",       aesni::expand,
                              vaes256::counter,  vaes256::mmo,     vaes256::fold<1>,
                              vaes256::fold<2>,  vaes256::fold<4>, vaes256::fold<8>};
constexpr AesKernels kVaes512{AesPath::kVaes512, "vaes-512",       aesni::expand,
                              vaes512::counter,  vaes512::mmo,     vaes512::fold<1>,
                              vaes512::fold<2>,  vaes512::fold<4>, vaes512::fold<8>};

// Not every compiler knows "vaes" in __builtin_cpu_supports; that the operating system saves the
// wide registers is covered by its avx2 and avx512f.
bool has_vaes() {
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (c >> 9 & 1) != 0;
}

}  // namespace

const AesKernels* find_x86_aes_kernels(AesPath path) {
  const bool aes = __builtin_cpu_supports("aes") != 0 && __builtin_cpu_supports("sse4.1") != 0;
  if (!aes) return nullptr;
  const bool wide = has_vaes() && __builtin_cpu_supports("avx2") != 0;
  if (path == AesPath::kAesNi) return &kAesNi;
  if (path == AesPath::kVaes256 && wide) return &kVaes256;
  if (path == AesPath::kVaes512 && wide && __builtin_cpu_supports("avx512f") != 0) return &kVaes512;
  return nullptr;
}

}  // namespace hush::mpc

#endif  // __x86_64__
