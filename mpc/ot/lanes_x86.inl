// SIMD registers of AES blocks ("lanes") on x86-64, in three instruction sets: what the kernels of
// aes_x86.cpp and of mpc/dcf/walk_x86.cpp are written in. Included by those two files alone, inside
// their anonymous namespace, so that each has functions of its own.
//
// Each set lives in a region compiled for it; the rest of the build stays at the x86-64 baseline.
// Only functions of these files and intrinsics are instantiated inside a region, so that no inline
// function of a library header can be emitted with instructions that other machines lack.
#pragma once

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
inline Lane counter_lane(std::uint64_t first) {
  return _mm_set_epi64x(0, static_cast<long long>(first));
}

#include "mpc/ot/aes_rounds.inl"

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
inline Lane counter_lane(std::uint64_t first) {
  const auto n = static_cast<long long>(first);
  return _mm256_add_epi64(_mm256_set_epi64x(0, n, 0, n), _mm256_set_epi64x(0, 1, 0, 0));
}

#include "mpc/ot/aes_rounds.inl"

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
inline Lane counter_lane(std::uint64_t first) {
  const auto n = static_cast<long long>(first);
  return _mm512_add_epi64(_mm512_set_epi64(0, n, 0, n, 0, n, 0, n),
                          _mm512_set_epi64(0, 3, 0, 2, 0, 1, 0, 0));
}

#include "mpc/ot/aes_rounds.inl"

}  // namespace vaes512
HUSH_TARGET_END
