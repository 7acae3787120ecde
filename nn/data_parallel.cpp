#include "nn/data_parallel.h"

#include <algorithm>
#include <cstring>

#include "core/backend.h"

namespace hush::nn {
namespace {

// FNV-1a over eight bytes at a time: finds ranks that drifted apart, not forgers.
std::uint64_t digest_of(const std::vector<NamedTensor>& tensors) {
  std::uint64_t digest = 0xcbf29ce484222325u;
  for (const auto& [name, value] : tensors) {
    const Tensor host = value.to(Device{});
    for (std::size_t i = 0; i < host.bytes(); i += 8) {
      std::uint64_t word = 0;
      std::memcpy(&word, host.raw() + i, std::min<std::size_t>(8, host.bytes() - i));
      digest = (digest ^ word) * 0x100000001b3u;
    }
  }
  return digest;
}

}  // namespace

void GradientSum::add(std::size_t parameter, const Tensor& gradient) {
  const std::int64_t count = gradient.elements();
  if (bucket_.defined() && filled_ + count > bucket_.elements()) start_bucket();
  if (!bucket_.defined()) {
    const std::int64_t capacity = options_.bucket_bytes / std::int64_t(sizeof(float));
    bucket_ = Tensor::empty({std::max(capacity, count)}, DType::float32, gradient.device());
  }
  const Tensor view = bucket_.rows(filled_, count);
  view.assign(gradient.reshaped({count}));
  views_[parameter] = view.reshaped(gradient.shape());
  filled_ += count;
  if (options_.overlap) options_.ranks->progress();
}

void GradientSum::start_bucket() {
  const Tensor full = bucket_.rows(0, filled_);
  if (options_.overlap)
    options_.ranks->start_sum(full);
  else
    waiting_.push_back(full);
  bucket_ = {};
  filled_ = 0;
}

std::vector<Tensor> GradientSum::finish() {
  if (bucket_.defined()) start_bucket();
  for (const Tensor& full : waiting_) options_.ranks->start_sum(full);
  waiting_.clear();
  options_.ranks->finish_sums();
  return std::move(views_);
}

StepPart whole_step(Communicator& ranks, const StepPart& part) {
  StepPart whole;
  double loss_sum = 0;
  for (const StepPart& one : ranks.gather(part)) {
    whole.images += one.images;
    add_to_score(whole.score, one.score);
    if (one.images > 0) loss_sum += one.loss * double(one.images);
  }
  whole.loss = loss_sum / double(whole.images);
  return whole;
}

void average_buffers(Communicator& ranks, const Graph& graph, double share) {
  std::vector<Tensor> buffers;
  std::int64_t count = 0;
  for (const NodeId id : graph.of_kind(NodeKind::buffer))
    if (graph[id].value.dtype() == DType::float32) {
      buffers.push_back(graph[id].value);
      count += buffers.back().elements();
    }
  if (buffers.empty()) return;
  const Device device = buffers.front().device();
  const Tensor all = Tensor::empty({count}, DType::float32, device);
  std::vector<Tensor> views;
  std::int64_t filled = 0;
  for (const Tensor& buffer : buffers) {
    views.push_back(all.rows(filled, buffer.elements()).reshaped(buffer.shape()));
    backend(device).axpby(float(share), buffer, 0, views.back());
    filled += buffer.elements();
  }
  ranks.start_sum(all);
  ranks.finish_sums();
  for (std::size_t i = 0; i < buffers.size(); ++i) buffers[i].assign(views[i]);
}

void share_tensors(Communicator& ranks, const std::vector<NamedTensor>& tensors) {
  for (const auto& [name, value] : tensors) {
    const Tensor host = value.to(Device{});
    ranks.broadcast({host.raw(), host.bytes()});
    if (!host.same_memory(value)) value.assign(host);
  }
}

void check_equal(Communicator& ranks, const std::vector<NamedTensor>& tensors) {
  const std::vector<std::uint64_t> digests = ranks.gather(digest_of(tensors));
  const auto other = std::ranges::find_if(digests, [&](auto d) { return d != digests[0]; });
  if (other == digests.end()) return;
  throw RankError(
      fmt::format(
          "training: the weights of rank {} are not those of rank 0 any more; run all ranks "
          "on processors with the same vector instructions (or set HUSH_SIMD), and resume "
          "from the last checkpoint",
          other - digests.begin()),
      ranks.rank() != 0);
}

Score whole_score(Communicator& ranks, const Score& part) {
  Score whole;
  for (const Score& one : ranks.gather(part)) add_to_score(whole, one);
  return whole;
}

}  // namespace hush::nn
