// Where a trainer gets its batches from. nn does not know datasets; programs adapt their loader.
#pragma once

#include <cstdint>
#include <optional>

#include "core/tensor.h"

namespace hush::nn {

// Where the images of one rank stand in a batch that several ranks share.
struct BatchPart {
  std::int64_t first = 0;
  std::int64_t whole = 0;  // images of the batch on all ranks; 0: these are all
  // The batch has no image for this rank. It goes along with an image of somebody else, so that it
  // takes part in what all ranks do together, but that image counts for nothing.
  bool stand_in = false;
};

struct Batch {
  Tensor images;  // float32 [n, height, width, channels], normalised
  Tensor labels;  // int32 [n]
  BatchPart part = {};

  // Images that count.
  std::int64_t count() const { return part.stand_in ? 0 : labels.shape()[0]; }
  std::int64_t count_on_all_ranks() const { return part.whole > 0 ? part.whole : count(); }
};

// Batches in the order of epochs. Batch b of epoch e must be the same whenever it is asked for:
// that is what lets a resumed run continue bit for bit. With several ranks each source gives its
// rank's part of every batch; together the parts are the batch that one process would get.
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
