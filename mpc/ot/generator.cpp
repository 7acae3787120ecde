#include "mpc/ot/generator.h"

#include <pthread.h>
#include <sodium.h>
#include <sys/random.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <utility>

#include "core/error.h"

namespace hush::mpc {
namespace {

// How many forks lie between the first process and this one. A handler and a counter instead of
// getpid() at each fill, which would be a system call.
std::atomic<std::uint64_t> forks{0};

std::uint64_t fork_count() {
  static const int registered = pthread_atfork(nullptr, nullptr, [] { forks.fetch_add(1); });
  if (registered != 0) throw Error("cannot register the fork handler of the generator");
  return forks.load(std::memory_order_relaxed);
}

}  // namespace

Block system_entropy() {
  Block seed;
  auto* next = reinterpret_cast<std::byte*>(&seed);
  std::size_t left = sizeof seed;
  while (left > 0) {
    const ssize_t got = getrandom(next, left, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0)
      throw Error(fmt::format("getrandom failed: {}; no secure randomness is available",
                              std::strerror(errno)));
    next += got;
    left -= static_cast<std::size_t>(got);
  }
  return seed;
}

Generator Generator::from_system() {
  Block seed = system_entropy();
  Generator generator(Source::kSystem, seed);
  sodium_memzero(&seed, sizeof seed);
  return generator;
}

Generator Generator::from_seed(Block seed) {
  return {Source::kSeed, seed};
}

Generator Generator::deterministic_for_tests(std::uint64_t label) {
  return {Source::kSeed, Block{label, 0x7465'7374'6d6f'6465}};
}

Generator::Generator(Source source, Block seed) : fork_count_(fork_count()), source_(source) {
  reseed(seed);
}

Generator::Generator(Generator&& other) noexcept : source_(other.source_) {
  *this = std::move(other);
}

Generator& Generator::operator=(Generator&& other) noexcept {
  if (this == &other) return *this;
  key_ = other.key_;
  counter_ = other.counter_;
  std::copy(std::begin(other.buffer_), std::end(other.buffer_), buffer_);
  used_ = other.used_;
  fork_count_ = other.fork_count_;
  source_ = other.source_;
  other.wipe();
  return *this;
}

Generator::~Generator() {
  wipe();
}

void Generator::reseed(Block seed) {
  aes_kernels().expand(seed, key_);
  sodium_memzero(buffer_, sizeof buffer_);
  counter_ = 0;
  used_ = kBufferBytes;
}

void Generator::wipe() noexcept {
  sodium_memzero(&key_, sizeof key_);
  sodium_memzero(buffer_, sizeof buffer_);
  used_ = kBufferBytes;
}

// Moves what the buffer still holds to the front of `out`, and shrinks `out` by it.
void Generator::take_buffered(std::span<std::byte>& out) {
  const std::size_t taken = std::min(out.size(), kBufferBytes - used_);
  auto* source = reinterpret_cast<std::byte*>(buffer_) + used_;
  std::copy_n(source, taken, out.data());
  sodium_memzero(source, taken);
  used_ += taken;
  out = out.subspan(taken);
}

void Generator::fill(std::span<std::byte> out) {
  if (source_ == Source::kSystem && fork_count_ != fork_count()) [[unlikely]] {
    reseed(system_entropy());
    fork_count_ = fork_count();
  }
  take_buffered(out);
  if (out.empty()) return;
  // Whole blocks go straight to their place when it is aligned for them.
  const bool aligned = reinterpret_cast<std::uintptr_t>(out.data()) % alignof(Block) == 0;
  while (out.size() >= kBufferBytes || (aligned && out.size() >= sizeof(Block))) {
    const std::size_t blocks = aligned ? out.size() / sizeof(Block) : kBuffered;
    if (aligned) {
      aes_kernels().counter(key_, counter_, reinterpret_cast<Block*>(out.data()), blocks);
    } else {
      aes_kernels().counter(key_, counter_, buffer_, blocks);
      std::memcpy(out.data(), buffer_, kBufferBytes);
    }
    counter_ += blocks;
    out = out.subspan(blocks * sizeof(Block));
  }
  if (!aligned) sodium_memzero(buffer_, sizeof buffer_);
  if (out.empty()) return;
  aes_kernels().counter(key_, counter_, buffer_, kBuffered);
  counter_ += kBuffered;
  used_ = 0;
  take_buffered(out);
}

std::uint64_t Generator::next_u64() {
  std::uint64_t x = 0;
  fill(std::span(&x, 1));
  return x;
}

Block Generator::next_block() {
  Block x;
  fill(std::span(&x, 1));
  return x;
}

}  // namespace hush::mpc
