// Where a trainer gets its batches from. nn does not know datasets; programs adapt their loader.
#pragma once

#include <cstdint>
#include <optional>

#include "core/tensor.h"

namespace hush::nn {

struct Batch {
  Tensor images;  // float32 [n, height, width, channels], normalised
  Tensor labels;  // int32 [n]
};

// Batches in the order of epochs. Batch b of epoch e must be the same whenever it is asked for:
// that is what lets a resumed run continue bit for bit.
class BatchSource {
 public:
  virtual ~BatchSource() = default;

  virtual std::int64_t batches_per_epoch() const = 0;
  // Begins epoch `epoch` at its batch `first_batch`, less than batches_per_epoch.
  virtual void start_epoch(std::int64_t epoch, std::int64_t first_batch) = 0;
  // The next batch, or nothing at the end of the epoch.
  virtual std::optional<Batch> next() = 0;
};

}  // namespace hush::nn
