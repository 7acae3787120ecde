// The CUDA backend's device, memory and stream.
#include <cstdlib>

#include "cuda/backend.h"
#include "cuda/error.h"
#include "cuda/register.h"

namespace hush::cuda {
namespace {

int checked(int index) {
  check_device(index);
  runtime::use_device(index);
  return index;
}

RingProduct ring_product_of_environment() {
  const char* text = std::getenv("HUSH_RING_PRODUCT");
  return text == nullptr ? RingProduct::automatic : parse_ring_product(text);
}

}  // namespace

CudaBackend::CudaBackend(int index)
    : device_{Device::Kind::cuda, checked(index)},
      properties_(runtime::properties(index)),
      pool_(index),
      stream_(runtime::create_stream()),
      wrong_label_(pool_.allocate(sizeof(std::int32_t))),
      ring_product_(ring_product_of_environment()) {
  runtime::fill(wrong_label_.get(), 0, sizeof(std::int32_t), stream_);
}

CudaBackend::~CudaBackend() {
  runtime::destroy_stream(stream_);
}

std::string CudaBackend::description() const {
  return fmt::format("{}, {} multiprocessors, compute capability {}.{}, {:.1f} GiB",
                     properties_.name, properties_.multiprocessors, properties_.major,
                     properties_.minor, double(properties_.memory_bytes) / double(1 << 30));
}

Queue CudaBackend::queue() {
  runtime::use_device(device_.index);
  return {stream_, work_pool_};
}

std::shared_ptr<std::byte> CudaBackend::allocate(std::size_t bytes) {
  require(bytes <= std::size_t(1) << 46, "cuda: {} bytes were asked for in one block", bytes);
  return work_pool_->allocate(bytes);
}

void CudaBackend::zero(const Tensor& x) {
  require(x.device() == device_, "zero: {} is not on {}", x.text(), device_.text());
  runtime::fill(x.raw(), 0, x.bytes(), queue().stream);
}

void CudaBackend::copy(const Tensor& from, const Tensor& to) {
  const auto is_host = [](const Tensor& t) { return t.device().kind == Device::Kind::cpu; };
  require(from.bytes() == to.bytes() && (from.device() == device_ || is_host(from)) &&
              (to.device() == device_ || is_host(to)) && !(is_host(from) && is_host(to)),
          "copy: {} cannot be copied to {} by {}", from.text(), to.text(), device_.text());
  const CopyDirection direction = is_host(from) ? CopyDirection::to_device
                                  : is_host(to) ? CopyDirection::to_host
                                                : CopyDirection::on_device;
  if (direction != CopyDirection::on_device) require_no_recording("copying from or to the host");
  runtime::copy(to.raw(), from.raw(), from.bytes(), direction, queue().stream);
  if (direction == CopyDirection::to_host) synchronize();
}

void CudaBackend::synchronize() {
  require_no_recording("waiting for the device");
  runtime::synchronize(queue().stream);
  check_labels();
}

void CudaBackend::require_no_recording(std::string_view doing) const {
  if (recording_)
    throw CudaError(
        fmt::format("cuda: {} is no part of a CUDA graph; use --cuda-graph off", doing));
}

void CudaBackend::check_labels() {
  if (!labels_unchecked_.exchange(false)) return;
  std::int32_t row = 0;
  runtime::copy(&row, wrong_label_.get(), sizeof row, CopyDirection::to_host, stream_);
  runtime::synchronize(stream_);
  if (row == 0) return;
  runtime::fill(wrong_label_.get(), 0, sizeof row, stream_);
  throw ArgumentError(
      fmt::format("softmax_cross_entropy: the label of row {} is not one of the classes", row - 1));
}

}  // namespace hush::cuda
