// What a trainer does with the other ranks of a data-parallel run.
//
// Each rank has the whole network and a part of every batch. A rank's loss is the mean over its own
// images; backward begins from images / images of the whole batch, so that the gradients of the
// ranks add up to the gradient of the batch's mean loss whatever the parts' sizes. All ranks then
// take the same step from the same sums: their weights stay equal to the bit.
#pragma once

#include <vector>

#include "core/communicator.h"
#include "core/graph.h"
#include "nn/batch_source.h"
#include "nn/evaluation.h"
#include "nn/named_tensor.h"

namespace hush::nn {

struct DataParallelOptions {
  Communicator* ranks = nullptr;  // null: this process works alone
  // Batch norms use the statistics of the whole batch, as one process does. Otherwise each rank
  // normalises its part by itself, and running statistics are averaged after each step.
  bool sync_batch_norm = false;
  // Sums begin while backward still runs, in pieces of about this many bytes; without overlap,
  // after it.
  std::int64_t bucket_bytes = std::int64_t{4} << 20;
  bool overlap = true;

  bool several() const { return ranks != nullptr && ranks->size() > 1; }
};

// Adds up the gradients of all ranks. They are collected into buckets in the order in which
// backward completes them, the same on every rank; a full bucket's sum begins at once.
class GradientSum {
 public:
  GradientSum(const DataParallelOptions& options, std::size_t parameters)
      : options_(options), views_(parameters) {}

  // The gradient of one parameter on this rank, float32.
  void add(std::size_t parameter, const Tensor& gradient);
  // The sums, by parameter, once all have been added.
  std::vector<Tensor> finish();

 private:
  void start_bucket();

  DataParallelOptions options_;
  Tensor bucket_;                // float32 [n]
  std::int64_t filled_ = 0;      // of its elements
  std::vector<Tensor> waiting_;  // full buckets, without overlap
  std::vector<Tensor> views_;    // by parameter, into buckets
};

// What one rank found in one step.
struct StepPart {
  double loss = 0;          // mean over its images
  std::int64_t images = 0;  // that count: none if the batch had too few
  Score score;
};
// The whole batch's: the mean loss over all images, and all counts.
StepPart whole_step(Communicator& ranks, const StepPart& part);

// Sets the running statistics of the graph, its float buffers, to their mean over the ranks,
// weighted by the images of each; `share` is this rank's of 1.
void average_buffers(Communicator& ranks, const Graph& graph, double share);

// Gives all ranks what rank 0 has, to the bit.
void share_tensors(Communicator& ranks, const std::vector<NamedTensor>& tensors);
template <class T>
void share_value(Communicator& ranks, T& value) {
  static_assert(std::is_trivially_copyable_v<T>);
  ranks.broadcast(std::as_writable_bytes(std::span(&value, 1)));
}

// Throws Error unless the tensors have the same bits on all ranks.
void check_equal(Communicator& ranks, const std::vector<NamedTensor>& tensors);

// The score over the images of all ranks, each of which has gone through its parts of `source`.
Score whole_score(Communicator& ranks, const Score& part);

}  // namespace hush::nn
