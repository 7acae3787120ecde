// The one body of the SIMD kernels declared in aes.h. aes_x86.cpp includes it once per instruction
// set, inside a namespace that defines Lane (a SIMD register), kLaneBlocks and the few operations
// on it. No `#pragma once`: being included several times is its purpose.

constexpr std::size_t kStreams = 8;
constexpr std::size_t kStrip = kStreams * kLaneBlocks;
static_assert(kFoldUnit % kStrip == 0);

using Strip = Streams<kStreams>;

inline Strip load_strip(const Block* in) {
  Strip x;
  for (std::size_t s = 0; s < kStreams; ++s) x.lane[s] = load(in + s * kLaneBlocks);
  return x;
}

inline void store_strip(const Strip& x, Block* out) {
  for (std::size_t s = 0; s < kStreams; ++s) store(out + s * kLaneBlocks, x.lane[s]);
}

inline Strip counters(std::uint64_t first) {
  Strip x;
  for (std::size_t s = 0; s < kStreams; ++s) x.lane[s] = counter_lane(first + s * kLaneBlocks);
  return x;
}

inline void add(Strip& x, Lane y) {
  for (Lane& lane : x.lane) lane = exclusive_or(lane, y);
}

inline void add(Strip& x, const Strip& y) {
  for (std::size_t s = 0; s < kStreams; ++s) x.lane[s] = exclusive_or(x.lane[s], y.lane[s]);
}

inline void mmo_strip(const AesKey& key, const Block* in, Lane offset, Block* out) {
  Strip x = load_strip(in);
  add(x, offset);
  Strip y = x;
  encrypt(key, y);
  add(y, x);
  store_strip(y, out);
}

void counter(const AesKey& key, std::uint64_t first, Block* out, std::size_t count) {
  std::size_t done = 0;
  for (; done + kStrip <= count; done += kStrip) {
    Strip x = counters(first + done);
    encrypt(key, x);
    store_strip(x, out + done);
  }
  if (done == count) return;
  Strip x = counters(first + done);
  encrypt(key, x);
  Block buffer[kStrip];
  store_strip(x, buffer);
  std::memcpy(static_cast<void*>(out + done), buffer, (count - done) * sizeof(Block));
  explicit_bzero(buffer, sizeof buffer);
}

void mmo(const AesKey& key, const Block* in, Block offset, Block* out, std::size_t count) {
  const Lane offset_lane = broadcast(offset);
  std::size_t done = 0;
  for (; done + kStrip <= count; done += kStrip) mmo_strip(key, in + done, offset_lane, out + done);
  if (done == count) return;
  Block buffer[kStrip] = {};
  std::memcpy(static_cast<void*>(buffer), in + done, (count - done) * sizeof(Block));
  mmo_strip(key, buffer, offset_lane, buffer);
  std::memcpy(static_cast<void*>(out + done), buffer, (count - done) * sizeof(Block));
  explicit_bzero(buffer, sizeof buffer);
}

template <unsigned kDepth>
inline void fold_strip(const AesKey* leaves, std::uint64_t first, Block* sum, Block* planes,
                       std::size_t stride) {
  Strip plane[kDepth] = {};
  Strip pending[kDepth] = {};  // pending[j]: the left half of a subtree of 2^(j+1) leaves
  Strip subtree = {};
  constexpr unsigned kLeaves = 1U << kDepth;
  for (unsigned x = sum == nullptr ? 1 : 0; x < kLeaves; ++x) {
    subtree = counters(first);
    encrypt(leaves[x], subtree);
    unsigned level = 0;
    for (; (x >> level & 1) != 0; ++level) {  // a right half is complete: join it to its left half
      add(plane[level], subtree);
      add(subtree, pending[level]);
    }
    if (level < kDepth) pending[level] = subtree;
  }
  if (sum != nullptr) store_strip(subtree, sum);
  for (unsigned j = 0; j < kDepth; ++j) store_strip(plane[j], planes + j * stride);
}

template <unsigned kDepth>
void fold(const AesKey* leaves, std::uint64_t counter, std::size_t units, Block* sum, Block* planes,
          std::size_t stride) {
  for (std::size_t done = 0; done < units * kFoldUnit; done += kStrip)
    fold_strip<kDepth>(leaves, counter + done, sum == nullptr ? nullptr : sum + done, planes + done,
                       stride);
}
