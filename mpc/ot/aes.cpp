// Portable kernels on OpenSSL's EVP (which picks its own constant-time AES), and the dispatch.
#include "mpc/ot/aes.h"

#include <openssl/evp.h>
#include <sodium.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "core/error.h"
#include "mpc/ot/aes_x86.h"

namespace hush::mpc {
namespace {

struct ContextDeleter {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};

class Cipher {
 public:
  explicit Cipher(const AesKey& key) : context_(EVP_CIPHER_CTX_new()) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(&key.round[0]);
    if (context_ == nullptr ||
        EVP_EncryptInit_ex(context_.get(), EVP_aes_128_ecb(), nullptr, bytes, nullptr) != 1 ||
        EVP_CIPHER_CTX_set_padding(context_.get(), 0) != 1)
      throw Error("OpenSSL cannot set up AES-128; check that its default provider is installed");
  }

  // In place; at most kBatch blocks.
  void encrypt(Block* blocks, std::size_t count) const {
    auto* bytes = reinterpret_cast<unsigned char*>(blocks);
    const int size = static_cast<int>(count * sizeof(Block));
    int written = 0;
    if (EVP_EncryptUpdate(context_.get(), bytes, &written, bytes, size) != 1 || written != size)
      throw Error("OpenSSL failed to encrypt with AES-128");
  }

 private:
  std::unique_ptr<EVP_CIPHER_CTX, ContextDeleter> context_;
};

constexpr std::size_t kBatch = 256;

void expand(Block key, AesKey& expanded) {
  expanded = {};
  expanded.round[0] = key;
}

void counter_batch(const Cipher& cipher, std::uint64_t first, Block* out, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) out[i] = {first + i, 0};
  cipher.encrypt(out, count);
}

void counter(const AesKey& key, std::uint64_t first, Block* out, std::size_t count) {
  const Cipher cipher(key);
  for (std::size_t done = 0; done < count; done += kBatch)
    counter_batch(cipher, first + done, out + done, std::min(kBatch, count - done));
}

void mmo(const AesKey& key, const Block* in, Block offset, Block* out, std::size_t count) {
  const Cipher cipher(key);
  Block x[kBatch];
  Block y[kBatch];
  for (std::size_t done = 0; done < count; done += kBatch) {
    const std::size_t batch = std::min(kBatch, count - done);
    for (std::size_t i = 0; i < batch; ++i) x[i] = y[i] = in[done + i] ^ offset;
    cipher.encrypt(y, batch);
    for (std::size_t i = 0; i < batch; ++i) out[done + i] = x[i] ^ y[i];
  }
  sodium_memzero(x, sizeof x);
  sodium_memzero(y, sizeof y);
}

template <unsigned kDepth>
void fold(const AesKey* leaves, std::uint64_t counter_first, std::size_t units, Block* sum,
          Block* planes, std::size_t stride) {
  const std::size_t count = units * kFoldUnit;
  if (sum != nullptr) std::fill_n(sum, count, Block{});
  for (unsigned j = 0; j < kDepth; ++j) std::fill_n(planes + j * stride, count, Block{});
  for (std::size_t x = sum == nullptr ? 1 : 0; x < std::size_t{1} << kDepth; ++x) {
    const Cipher cipher(leaves[x]);
    Block stream[kFoldUnit];
    for (std::size_t done = 0; done < count; done += kFoldUnit) {
      counter_batch(cipher, counter_first + done, stream, kFoldUnit);
      for (std::size_t i = 0; i < kFoldUnit; ++i) {
        if (sum != nullptr) sum[done + i] ^= stream[i];
        for (unsigned j = 0; j < kDepth; ++j)
          if ((x >> j & 1) != 0) planes[j * stride + done + i] ^= stream[i];
      }
    }
    sodium_memzero(stream, sizeof stream);
  }
}

constexpr AesKernels kPortable{
    AesPath::kPortable, "portable", expand, counter, mmo, fold<1>, fold<2>, fold<4>, fold<8>};

}  // namespace

const AesKernels* find_aes_kernels(AesPath path) {
  if (path == AesPath::kPortable) return &kPortable;
#if defined(__x86_64__)
  return find_x86_aes_kernels(path);
#else
  return nullptr;
#endif
}

const AesKernels& aes_kernels() {
  static const AesKernels& best = []() -> const AesKernels& {
    // Processors without AVX-512 have no VAES either, but for the very newest.
    const char* limit = std::getenv("HUSH_SIMD");
    const std::string_view simd = limit == nullptr ? "avx512" : limit;
    if (simd == "none") return kPortable;
    for (const AesPath path : {AesPath::kVaes512, AesPath::kVaes256, AesPath::kAesNi}) {
      if (simd == "avx2" && path != AesPath::kAesNi) continue;
      if (const AesKernels* kernels = find_aes_kernels(path)) return *kernels;
    }
    return kPortable;
  }();
  return best;
}

}  // namespace hush::mpc
