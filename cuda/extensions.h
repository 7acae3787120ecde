// Device kernels beyond hush::Backend: what secret sharing over Z_2^64 needs, random numbers, and
// the preparation of training images. All tensors live on the device of `backend`; all functions
// throw ArgumentError where shapes or types do not fit, and queue their work like Backend's.
#pragma once

#include <array>
#include <span>

#include "core/random.h"
#include "cuda/backend.h"

namespace hush::cuda {

// --- ring64 and packed bits -----------------------------------------------------------------

// y = x / 2^bits for a public value, rounding down; bits from 1 to 63. y may be x.
void shift_right(CudaBackend& backend, const Tensor& x, int bits, const Tensor& y);
// The local truncation of party 0's or 1's share (SecureML, Mohassel and Zhang 2017, section 4.1):
// off by one unit in the last place, and wrong with probability |x| / 2^(63 - bits).
void truncate_share(CudaBackend& backend, int party, const Tensor& x, int bits, const Tensor& y);

// 64 XOR-shared bits per element: z = x & y, from the shares a, b, c of a triple with c = a & b
// and the opened e = x ^ a, f = y ^ b; exactly one party is `with_product`.
struct BeaverAnd {
  Tensor a, b, c, e, f, z;
};
void beaver_and(CudaBackend& backend, const BeaverAnd& t, bool with_product);

// x [n] into planes (int32 [bits, ⌈n / 32⌉]): bit i mod 32 of word i / 32 of plane b is bit b of
// element i; the last words' unused bits are zero. bits from 1 to 64.
void to_bit_planes(CudaBackend& backend, const Tensor& x, const Tensor& planes);
// y [n] from planes; bits above theirs are zero.
void from_bit_planes(CudaBackend& backend, const Tensor& planes, const Tensor& y);

// --- random numbers -------------------------------------------------------------------------

// ChaCha20's key stream (RFC 8439) from block `first_block` into the bytes of y, whose size is a
// multiple of 4. Block i has counter i mod 2^32; i / 2^32 is added to the nonce's first word. The
// key stands in the kernel's arguments, on the device, until the kernel has run.
void fill_chacha20(CudaBackend& backend, const std::array<std::uint32_t, 8>& key,
                   std::uint64_t first_block, const std::array<std::uint32_t, 3>& nonce,
                   const Tensor& y);

// The first numbers of core/random.h's RandomStream(seed, use, index), float; normal numbers to
// rounding. Not cryptographic.
void fill_uniform(CudaBackend& backend, std::uint64_t seed, RandomUse use, std::uint64_t index,
                  const Tensor& y);
void fill_normal(CudaBackend& backend, std::uint64_t seed, RandomUse use, std::uint64_t index,
                 const Tensor& y);

// --- training images ------------------------------------------------------------------------

// y [N, H, W, C] = (pixel / 255 - mean[c]) / std[c], cropped and flipped: pixel (h, w) of image n
// comes from (h + row shift, w' + column shift) of images (uint8, like y), black outside, w'
// counted from the right if flipped; placement [N, 3] (int32) holds row shift, column shift and
// flip.
void place_images(CudaBackend& backend, const Tensor& images, const Tensor& placement,
                  const Tensor& mean, const Tensor& std, const Tensor& y);

}  // namespace hush::cuda
