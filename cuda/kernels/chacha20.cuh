// ChaCha20 (RFC 8439, section 2.3) as a generator: masks and shares are its key stream.
#pragma once

#include <cstring>

#include "cuda/launch.h"

namespace hush::cuda {

constexpr int kChaChaThreads = 256;
constexpr int kChaChaWords = 16;  // of a block: 64 bytes

struct ChaChaKey {
  std::uint32_t word[8];  // secret; little-endian words of the 32 bytes
};

__device__ inline void chacha_quarter(std::uint32_t& a, std::uint32_t& b, std::uint32_t& c,
                                      std::uint32_t& d) {
  const auto rotate = [](std::uint32_t v, int by) { return v << by | v >> (32 - by); };
  a += b;
  d = rotate(d ^ a, 16);
  c += d;
  b = rotate(b ^ c, 12);
  a += b;
  d = rotate(d ^ a, 8);
  c += d;
  b = rotate(b ^ c, 7);
}

// A thread writes blocks that are a grid apart: block i is ChaCha20(key, counter i mod 2^32 and
// i / 2^32 added to the nonce's first word). `words` is what is wanted of the stream, in 32-bit
// words. No shared memory.
__global__ inline void __launch_bounds__(kChaChaThreads)
    chacha20_kernel(ChaChaKey key, std::uint64_t first_block, std::uint32_t nonce0,
                    std::uint32_t nonce1, std::uint32_t nonce2, std::uint32_t* out,
                    std::int64_t words) {
  const std::int64_t i = std::int64_t{blockIdx.x} * kChaChaThreads + threadIdx.x;
  const std::uint64_t block = first_block + std::uint64_t(i);
  const std::uint32_t start[kChaChaWords] = {0x61707865,
                                             0x3320646e,
                                             0x79622d32,
                                             0x6b206574,
                                             key.word[0],
                                             key.word[1],
                                             key.word[2],
                                             key.word[3],
                                             key.word[4],
                                             key.word[5],
                                             key.word[6],
                                             key.word[7],
                                             std::uint32_t(block),
                                             nonce0 + std::uint32_t(block >> 32),
                                             nonce1,
                                             nonce2};
  std::uint32_t s[kChaChaWords];
  HUSH_UNROLL
  for (int j = 0; j < kChaChaWords; ++j) s[j] = start[j];
  for (int round = 0; round < 10; ++round) {
    HUSH_UNROLL
    for (int j = 0; j < 4; ++j) chacha_quarter(s[j], s[4 + j], s[8 + j], s[12 + j]);
    HUSH_UNROLL
    for (int j = 0; j < 4; ++j)
      chacha_quarter(s[j], s[4 + (j + 1) % 4], s[8 + (j + 2) % 4], s[12 + (j + 3) % 4]);
  }
  HUSH_UNROLL
  for (int j = 0; j < kChaChaWords; ++j)
    if (i * kChaChaWords + j < words) out[i * kChaChaWords + j] = s[j] + start[j];
}

inline void chacha20(const Queue& queue, const ChaChaKey& key, std::uint64_t first_block,
                     const std::uint32_t (&nonce)[3], std::uint32_t* out, std::int64_t words) {
  const std::int64_t blocks = ceil_div(words, std::int64_t{kChaChaWords} * kChaChaThreads);
  launch(queue, chacha20_kernel, dim3(unsigned(blocks)), dim3(kChaChaThreads), key, first_block,
         nonce[0], nonce[1], nonce[2], out, words);
}

}  // namespace hush::cuda
