// AES-NI and VAES instances of walk_x86.inl, each in a region compiled for its own instruction
// set; see mpc/ot/aes_x86.cpp for the reasons.
#include "mpc/dcf/walk.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define HUSH_PRAGMA(text) _Pragma(#text)
#if defined(__clang__)
#define HUSH_TARGET_BEGIN(features) \
  HUSH_PRAGMA(clang attribute push(__attribute__((target(features))), apply_to = function))
#define HUSH_TARGET_END _Pragma("clang attribute pop")
#else
#define HUSH_TARGET_BEGIN(features) _Pragma("GCC push_options") HUSH_PRAGMA(GCC target(features))
#define HUSH_TARGET_END _Pragma("GCC pop_options")
#endif

namespace hush::mpc {
namespace {

// Blocks between what is read and what is fetched from memory meanwhile, some levels further.
constexpr std::size_t kPrefetchAhead = 256;

// Running past the end of the array is harmless.
inline void prefetch(const Block* address) {
  _mm_prefetch(reinterpret_cast<const char*>(address), _MM_HINT_T0);
}

HUSH_TARGET_BEGIN("aes,sse4.1")
namespace aesni {

using Lane = __m128i;
constexpr std::size_t kLaneBlocks = 1;

inline Lane load(const Block* in) {
  return _mm_loadu_si128(reinterpret_cast<const Lane*>(in));
}
inline void store(Block* out, Lane x) {
  _mm_storeu_si128(reinterpret_cast<Lane*>(out), x);
}
inline Lane broadcast(const Block& x) {
  return load(&x);
}
inline Lane low_word(long long x) {
  return _mm_set_epi64x(0, x);
}
inline Lane exclusive_or(Lane a, Lane b) {
  return _mm_xor_si128(a, b);
}
inline Lane bit_and(Lane a, Lane b) {
  return _mm_and_si128(a, b);
}
inline Lane bit_and_not(Lane not_a, Lane b) {
  return _mm_andnot_si128(not_a, b);
}
inline Lane add(Lane a, Lane b) {
  return _mm_add_epi64(a, b);
}
inline Lane shift_right(Lane x, unsigned bits) {
  return _mm_srl_epi64(x, _mm_cvtsi32_si128(int(bits)));
}
// All ones in each block whose lowest 32 bits are not 0.
inline Lane any_bit(Lane x) {
  const Lane zero = _mm_setzero_si128();
  const Lane none = _mm_cmpeq_epi32(_mm_shuffle_epi32(x, 0), zero);
  return _mm_cmpeq_epi32(none, zero);
}
inline Lane encrypt_round(Lane x, Lane k) {
  return _mm_aesenc_si128(x, k);
}
inline Lane encrypt_last(Lane x, Lane k) {
  return _mm_aesenclast_si128(x, k);
}

#include "mpc/dcf/walk_x86.inl"

}  // namespace aesni
HUSH_TARGET_END

HUSH_TARGET_BEGIN("vaes,avx2")
namespace vaes256 {

using Lane = __m256i;
constexpr std::size_t kLaneBlocks = 2;

inline Lane load(const Block* in) {
  return _mm256_loadu_si256(reinterpret_cast<const Lane*>(in));
}
inline void store(Block* out, Lane x) {
  _mm256_storeu_si256(reinterpret_cast<Lane*>(out), x);
}
inline Lane broadcast(const Block& x) {
  return _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(&x)));
}
inline Lane low_word(long long x) {
  return _mm256_set_epi64x(0, x, 0, x);
}
inline Lane exclusive_or(Lane a, Lane b) {
  return _mm256_xor_si256(a, b);
}
inline Lane bit_and(Lane a, Lane b) {
  return _mm256_and_si256(a, b);
}
inline Lane bit_and_not(Lane not_a, Lane b) {
  return _mm256_andnot_si256(not_a, b);
}
inline Lane add(Lane a, Lane b) {
  return _mm256_add_epi64(a, b);
}
inline Lane shift_right(Lane x, unsigned bits) {
  return _mm256_srl_epi64(x, _mm_cvtsi32_si128(int(bits)));
}
inline Lane any_bit(Lane x) {
  const Lane zero = _mm256_setzero_si256();
  const Lane none = _mm256_cmpeq_epi32(_mm256_shuffle_epi32(x, 0), zero);
  return _mm256_cmpeq_epi32(none, zero);
}
inline Lane encrypt_round(Lane x, Lane k) {
  return _mm256_aesenc_epi128(x, k);
}
inline Lane encrypt_last(Lane x, Lane k) {
  return _mm256_aesenclast_epi128(x, k);
}

#include "mpc/dcf/walk_x86.inl"

}  // namespace vaes256
HUSH_TARGET_END

HUSH_TARGET_BEGIN("vaes,avx512f,avx2")
namespace vaes512 {

using Lane = __m512i;
constexpr std::size_t kLaneBlocks = 4;
// The unmasked forms of some intrinsics make g++ 12 warn of uninitialised registers (bug 105593).
constexpr __mmask16 kAll = 0xffff;

inline Lane load(const Block* in) {
  return _mm512_loadu_si512(in);
}
inline void store(Block* out, Lane x) {
  _mm512_storeu_si512(out, x);
}
inline Lane broadcast(const Block& x) {
  return _mm512_maskz_broadcast_i32x4(kAll, _mm_loadu_si128(reinterpret_cast<const __m128i*>(&x)));
}
inline Lane low_word(long long x) {
  return _mm512_set_epi64(0, x, 0, x, 0, x, 0, x);
}
inline Lane exclusive_or(Lane a, Lane b) {
  return _mm512_xor_si512(a, b);
}
inline Lane bit_and(Lane a, Lane b) {
  return _mm512_and_si512(a, b);
}
inline Lane bit_and_not(Lane not_a, Lane b) {
  return ~not_a & b;
}
inline Lane add(Lane a, Lane b) {
  return _mm512_add_epi64(a, b);
}
inline Lane shift_right(Lane x, unsigned bits) {
  return _mm512_maskz_srl_epi64(__mmask8(kAll), x, _mm_cvtsi32_si128(int(bits)));
}
inline Lane any_bit(Lane x) {
  const Lane low = _mm512_maskz_shuffle_epi32(kAll, x, _MM_PERM_AAAA);
  return _mm512_maskz_set1_epi32(_mm512_test_epi32_mask(low, low), -1);
}
inline Lane encrypt_round(Lane x, Lane k) {
  return _mm512_aesenc_epi128(x, k);
}
inline Lane encrypt_last(Lane x, Lane k) {
  return _mm512_aesenclast_epi128(x, k);
}

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
