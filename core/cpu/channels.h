// Channels-last tensors cut for loops that treat each channel differently.
//
// A [rows, C] tensor with few channels would give inner loops of C steps, far shorter than a SIMD
// loop wants. So `repeat` rows are seen as one row of `width` = C · repeat elements, a multiple of
// the cache line where that does not take too many, and what is known per channel is repeated as
// often. Chunks of whole rows fit the second-level cache and
// depend on the problem alone, never on the number of threads.
#pragma once

#include <algorithm>
#include <cstddef>
#include <numeric>

#include "core/cpu/aligned_vector.h"
#include "core/thread_pool.h"

namespace hush {

class ChannelRows {
 public:
  ChannelRows(std::size_t rows, std::size_t channels)
      : rows_(rows),
        channels_(channels),
        repeat_(std::min(repeat_for(channels), std::max<std::size_t>(rows, 1))),
        chunk_rows_((std::max(kChunk / channels, repeat_) + repeat_ - 1) / repeat_ * repeat_) {}

  std::size_t rows() const { return rows_; }
  std::size_t channels() const { return channels_; }
  std::size_t width() const { return channels_ * repeat_; }
  std::size_t chunks() const { return (rows_ + chunk_rows_ - 1) / chunk_rows_; }
  std::size_t rows_in(std::size_t chunk) const {
    return std::min(chunk_rows_, rows_ - chunk * chunk_rows_);
  }

  // One value per channel, repeated over the width.
  template <class T>
  AlignedVector<T> widened(const T* per_channel) const {
    AlignedVector<T> result;
    result.reserve(width());
    for (std::size_t i = 0; i < repeat_; ++i)
      result.insert(result.end(), per_channel, per_channel + channels_);
    return result;
  }
  // The sums over the repetitions of a row `width` wide, added in order.
  template <class T>
  void fold(const T* wide, T* per_channel) const {
    std::copy(wide, wide + channels_, per_channel);
    for (std::size_t i = channels_; i < width(); ++i) per_channel[i % channels_] += wide[i];
  }

  // Calls f(chunk, offset, count) for every chunk, in parallel: `count` elements from `offset`.
  template <class F>
  void for_each_chunk(F f) const {
    parallel_chunks(chunks(), [&](std::size_t chunk) {
      f(chunk, chunk * chunk_rows_ * channels_, rows_in(chunk) * channels_);
    });
  }

 private:
  static constexpr std::size_t kLine = 16;       // elements: a cache line of float
  static constexpr std::size_t kMinWidth = 128;  // elements: eight AVX-512 registers of float
  static constexpr std::size_t kMaxWidth = 2048;
  static constexpr std::size_t kChunk = 32768;  // elements: 128 KiB of float

  static std::size_t repeat_for(std::size_t channels) {
    std::size_t lines = kLine / std::gcd(channels, kLine);  // rows that fill whole cache lines
    if (channels * lines > kMaxWidth) lines = 1;
    const std::size_t width = channels * lines;
    return width >= kMinWidth ? lines : lines * ((kMinWidth + width - 1) / width);
  }

  std::size_t rows_, channels_, repeat_, chunk_rows_;
};

}  // namespace hush
