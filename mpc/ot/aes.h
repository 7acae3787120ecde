// AES-128 kernels in four instruction sets behind one table of functions.
//
// Everything in this folder that needs AES (generator, hash, tree expansion, OT extension) calls
// one of these kernels. The best set is chosen once, at run time: VAES on 512- or 256-bit
// registers, AES-NI, or OpenSSL's EVP where none of them exists. All give the same bytes, and a
// test compares them. None branches or indexes memory by key or data.
//
// The trick of the fast ones: AESENC takes several cycles but one starts every cycle, so eight
// independent registers (32 blocks with VAES-512) go through the rounds together.
#pragma once

#include <cstddef>
#include <cstdint>

#include "mpc/ot/block.h"

namespace hush::mpc {

// Expanded key. The portable kernels only use round[0], which is the key itself.
struct AesKey {
  Block round[11];
};

enum class AesPath : std::uint8_t { kPortable, kAesNi, kVaes256, kVaes512 };

// Blocks that `fold` makes per leaf in one unit: 4096 bits of every column.
inline constexpr std::size_t kFoldUnit = 32;

// The inner loop of OT extension over 2^depth leaves. Let r_x be the stream of leaf x: AES in
// counter mode under leaves[x], blocks counter .. counter + units * kFoldUnit. Writes
//   sum       = r_0 ^ r_1 ^ … (all leaves), unless `sum` is null, and
//   planes[j] = xor of the r_x whose x has bit j set, j < depth, at planes + j * stride.
// With `sum` null leaf 0 is not read (it has no bit set). It takes two xors a leaf instead of
// depth / 2 + 1, because equal subtrees are summed once, as in a binary counter.
using AesFold = void (*)(const AesKey* leaves, std::uint64_t counter, std::size_t units, Block* sum,
                         Block* planes, std::size_t stride);

struct AesKernels {
  AesPath path;
  const char* name;

  void (*expand)(Block key, AesKey& expanded);

  // out[i] = AES(key, {lo: first + i, hi: 0}), i < count.
  void (*counter)(const AesKey& key, std::uint64_t first, Block* out, std::size_t count);

  // out[i] = AES(key, x) ^ x with x = in[i] ^ offset, i < count. `out` may be `in`.
  void (*mmo)(const AesKey& key, const Block* in, Block offset, Block* out, std::size_t count);

  AesFold fold1, fold2, fold4, fold8;  // depth 1, 2, 4, 8

  template <unsigned kDepth>
  AesFold fold() const {
    static_assert(kDepth == 1 || kDepth == 2 || kDepth == 4 || kDepth == 8);
    return kDepth == 1 ? fold1 : kDepth == 2 ? fold2 : kDepth == 4 ? fold4 : fold8;
  }
};

// The kernels of one instruction set, or null where this machine cannot run it.
const AesKernels* find_aes_kernels(AesPath path);

// The fastest kernels of this machine, or of a smaller one: $HUSH_SIMD (core/cpu/instruction_set.h)
// "avx2" stands for AES-NI without VAES, "none" for the portable ones.
const AesKernels& aes_kernels();

}  // namespace hush::mpc
