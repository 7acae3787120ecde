// One rank's parts of another source's batches, cut as data::DataLoader cuts them.
#pragma once

#include <algorithm>

#include "nn/batch_source.h"

namespace hush::nn {

class PartSource final : public BatchSource {
 public:
  PartSource(BatchSource& whole, int rank, int ranks) : whole_(whole), rank_(rank), ranks_(ranks) {}

  std::int64_t batches_per_epoch() const override { return whole_.batches_per_epoch(); }
  void start_epoch(std::int64_t epoch, std::int64_t first_batch) override {
    whole_.start_epoch(epoch, first_batch);
  }
  std::optional<Batch> next() override {
    const std::optional<Batch> batch = whole_.next();
    if (!batch) return std::nullopt;
    const std::int64_t n = batch->labels.shape()[0], first = n * rank_ / ranks_;
    const std::int64_t own = n * (rank_ + 1) / ranks_ - first;
    const std::int64_t count = std::max<std::int64_t>(own, 1);
    return Batch{batch->images.rows(first, count).clone(),
                 batch->labels.rows(first, count).clone(),
                 {.first = first, .whole = n, .stand_in = own == 0}};
  }

 private:
  BatchSource& whole_;
  int rank_, ranks_;
};

}  // namespace hush::nn
