// The cryptographic generator: AES-128 in counter mode (NIST SP 800-38A, section 6.5, with a
// little-endian counter in the low word). All shares, masks and protocol randomness come from here;
// the training generator of core/random.h never does.
//
// The stream is a function of the seed alone: neither the instruction set nor how the caller cuts
// it into fills changes a byte. Block i of the stream is AES(seed, {i, 0}).
//
// Not thread safe; one generator belongs to one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "mpc/ot/aes.h"
#include "mpc/ot/block.h"

namespace hush::mpc {

class Generator {
 public:
  // Seeded with 128 bits from getrandom(2). After a fork(2) the child's copy draws a new seed
  // before its next byte, so that parent and child never share masks. (A raw clone(2) that
  // bypasses the C library's fork handlers is not noticed.)
  static Generator from_system();

  // Expands a seed that protocol and peer agreed on, or that a party draws and sends: whoever
  // knows the seed knows the stream.
  static Generator from_seed(Block seed);

  // Deterministic mode, for tests and wire digests only: a public stream for each label.
  static Generator deterministic_for_tests(std::uint64_t label);

  // A copy would hand out the same masks twice; a moved-from generator is wiped, and may only be
  // assigned to or destroyed.
  Generator(const Generator&) = delete;
  Generator& operator=(const Generator&) = delete;
  Generator(Generator&& other) noexcept;
  Generator& operator=(Generator&& other) noexcept;
  ~Generator();

  void fill(std::span<std::byte> out);
  void fill(std::span<std::uint64_t> out) { fill(std::as_writable_bytes(out)); }
  void fill(std::span<Block> out) { fill(std::as_writable_bytes(out)); }

  std::uint64_t next_u64();
  Block next_block();

 private:
  enum class Source : std::uint8_t { kSystem, kSeed };
  // Blocks made at a time for small requests: one pass of the widest kernel.
  static constexpr std::size_t kBuffered = 32;
  static constexpr std::size_t kBufferBytes = kBuffered * sizeof(Block);

  Generator(Source source, Block seed);
  void reseed(Block seed);
  void wipe() noexcept;
  void take_buffered(std::span<std::byte>& out);

  AesKey key_;
  std::uint64_t counter_ = 0;  // next block of the stream that is not in the buffer
  Block buffer_[kBuffered];
  std::size_t used_ = kBufferBytes;  // bytes of the buffer already given out (and wiped)
  std::uint64_t fork_count_ = 0;
  Source source_;
};

// 128 bits from getrandom(2); throws Error if the operating system refuses.
Block system_entropy();

}  // namespace hush::mpc
