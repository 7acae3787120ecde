// A BatchSource over tensors, and small random classification tasks to train on.
#pragma once

#include <algorithm>

#include "core/random.h"
#include "nn/batch_source.h"

namespace hush::nn {

// Batches of consecutive images; with a seed, in another order each epoch.
class MemorySource final : public BatchSource {
 public:
  MemorySource(Tensor images, Tensor labels, std::int64_t batch, std::uint64_t shuffle_seed = 0)
      : images_(std::move(images)),
        labels_(std::move(labels)),
        batch_(batch),
        seed_(shuffle_seed) {}

  std::int64_t batches_per_epoch() const override { return (count() + batch_ - 1) / batch_; }
  void start_epoch(std::int64_t epoch, std::int64_t first_batch) override {
    order_.resize(std::size_t(count()));
    for (std::size_t i = 0; i < order_.size(); ++i) order_[i] = std::int64_t(i);
    RandomStream random(seed_, RandomUse::shuffle, std::uint64_t(epoch));
    if (seed_ != 0)
      for (std::size_t i = order_.size(); i > 1; --i)
        std::swap(order_[i - 1], order_[random.below(std::uint32_t(i))]);
    position_ = first_batch * batch_;
  }
  std::optional<Batch> next() override {
    const std::int64_t n = std::min(batch_, count() - position_);
    if (n <= 0) return std::nullopt;
    Batch batch{Tensor::empty(images_.shape().with(0, n), DType::float32),
                Tensor::empty({n}, DType::int32)};
    for (std::int64_t i = 0; i < n; ++i) {
      const std::int64_t source = order_[std::size_t(position_ + i)];
      batch.images.rows(i, 1).assign(images_.rows(source, 1));
      batch.labels.rows(i, 1).assign(labels_.rows(source, 1));
    }
    position_ += n;
    return batch;
  }

 private:
  std::int64_t count() const { return images_.shape()[0]; }

  Tensor images_, labels_;
  std::int64_t batch_;
  std::uint64_t seed_;
  std::vector<std::int64_t> order_;
  std::int64_t position_ = 0;
};

// `count` noisy images [8, 8, 1] of three classes that a network can tell apart: a brighter
// upper half, a brighter left half, neither.
inline MemorySource make_task(std::int64_t count, std::int64_t batch, std::uint64_t seed) {
  RandomStream random(seed, RandomUse::test);
  const Tensor images = Tensor::empty({count, 8, 8, 1}, DType::float32);
  const Tensor labels = Tensor::empty({count}, DType::int32);
  float* pixel = images.data<float>();
  for (std::int64_t i = 0; i < count; ++i) {
    const auto label = std::int32_t(random.below(3));
    labels.data<std::int32_t>()[i] = label;
    for (int y = 0; y < 8; ++y)
      for (int x = 0; x < 8; ++x) {
        const bool bright = (label == 0 && y < 4) || (label == 1 && x < 4);
        *pixel++ = 0.5f * random.normal() + (bright ? 1.0f : 0.0f);
      }
  }
  return {images, labels, batch, seed};
}

}  // namespace hush::nn
