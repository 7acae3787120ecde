// Channels-last tensors cut for loops that treat each channel differently.
//
// A [rows, C] tensor with few channels would give inner loops of C steps, far shorter than a SIMD
// loop wants. So `repeat` rows are seen as one row of `width` = C · repeat elements, and what is
// known per channel is repeated as often. Chunks of whole rows fit the second-level cache and
// depend on the problem alone, never on the number of threads.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "core/thread_pool.h"

namespace hush {

class ChannelRows {
 public:
  ChannelRows(std::size_t rows, std::size_t channels)
      : rows_(rows),
        channels_(channels),
        repeat_(std::clamp<std::size_t>((kWidth + channels - 1) / channels, 1,
                                        std::max<std::size_t>(rows, 1))),
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
  std::vector<T> widened(const T* per_channel) const {
    std::vector<T> result;
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
  static constexpr std::size_t kWidth = 128;    // elements: eight AVX-512 registers of float
  static constexpr std::size_t kChunk = 32768;  // elements: 128 KiB of float

  std::size_t rows_, channels_, repeat_, chunk_rows_;
};

}  // namespace hush
