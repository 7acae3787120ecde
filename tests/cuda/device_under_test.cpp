#include "device_under_test.h"

#include <cmath>
#include <cstring>

#include "core/random.h"

namespace hush::cuda {
namespace {

RandomStream stream_of(const Shape& shape, std::uint64_t kind) {
  return {std::uint64_t(shape.elements()) * 31 + kind, RandomUse::test};
}

std::vector<Tensor> copies(const std::vector<Tensor>& tensors, Device device) {
  std::vector<Tensor> result;
  for (const Tensor& t : tensors) {
    if (!t.defined()) {
      result.emplace_back();
      continue;
    }
    result.push_back(Tensor::empty(t.shape(), t.dtype(), device));
    result.back().assign(t);
  }
  return result;
}

}  // namespace

Tensor integers(const Shape& shape, DType dtype, int bound) {
  RandomStream random = stream_of(shape, 1);
  Tensor t = Tensor::empty(shape, dtype);
  const auto next = [&] { return int(random.below(unsigned(2 * bound + 1))) - bound; };
  if (dtype == DType::float32)
    for (float& v : t.values<float>()) v = float(next());
  else
    for (Ring& v : t.values<Ring>()) v = Ring(std::int64_t(next()));
  return t;
}

Tensor integers(const Shape& shape, int bound) {
  return integers(shape, DType::float32, bound);
}

Tensor reals(const Shape& shape, float low, float high) {
  RandomStream random = stream_of(shape, 2);
  Tensor t = Tensor::empty(shape, DType::float32);
  for (float& v : t.values<float>()) v = low + (high - low) * random.uniform();
  return t;
}

Tensor random_ring(const Shape& shape) {
  RandomStream random = stream_of(shape, 3);
  Tensor t = Tensor::empty(shape, DType::ring64);
  for (Ring& v : t.values<Ring>()) v = Ring{random.next()} << 32 | random.next();
  return t;
}

Tensor labels(std::int64_t rows, std::int64_t classes) {
  RandomStream random = stream_of({rows, classes}, 4);
  Tensor t = Tensor::empty({rows}, DType::int32);
  for (std::int32_t& v : t.values<std::int32_t>())
    v = std::int32_t(random.below(unsigned(classes)));
  return t;
}

Tensor result(const Shape& shape, DType dtype) {
  Tensor t = Tensor::empty(shape, dtype);
  if (t.bytes() > 0) std::memset(t.raw(), 0xff, t.bytes());
  return t;
}

void expect_equal(const Tensor& actual, const Tensor& expected, float tolerance,
                  const std::string& what) {
  ASSERT_EQ(actual.shape(), expected.shape()) << what;
  if (tolerance == 0 || expected.dtype() != DType::float32) {
    if (actual.bytes() == 0 || std::memcmp(actual.raw(), expected.raw(), actual.bytes()) == 0)
      return;
    if (expected.dtype() != DType::float32) {
      ADD_FAILURE() << what << ": " << expected.text() << " differs";
      return;
    }
  }
  for (std::size_t i = 0; i < std::size_t(expected.elements()); ++i) {
    const float a = actual.values<float>()[i], e = expected.values<float>()[i];
    const bool same = a == e || (std::isnan(a) && std::isnan(e)) ||
                      std::abs(a - e) <= tolerance * std::max(1.0f, std::abs(e));
    if (same) continue;
    ADD_FAILURE() << what << ": element " << i << " of " << expected.shape().text() << " is " << a
                  << ", not " << e;
    return;
  }
}

void expect_parity(const std::vector<Tensor>& tensors, const KernelCall& call, float tolerance) {
  const std::vector<Tensor> expected = copies(tensors, {});
  call(backend({}), expected);
  on_device(
      tensors, [&](CudaBackend& device, const std::vector<Tensor>& t) { call(device, t); },
      [&](const std::vector<Tensor>& actual) {
        for (std::size_t i = 0; i < expected.size(); ++i)
          if (expected[i].defined())
            expect_equal(actual[i], expected[i], tolerance, "tensor " + std::to_string(i));
      });
}

void on_device(const std::vector<Tensor>& tensors,
               const std::function<void(CudaBackend& device, const std::vector<Tensor>& t)>& call,
               const std::function<void(const std::vector<Tensor>& t)>& verify) {
  auto& device = static_cast<CudaBackend&>(backend(kDevice));
  for (int order = 0; order < thread_orders(); ++order) {
    SCOPED_TRACE("thread order " + std::to_string(order));
    set_thread_order(order);
    const std::vector<Tensor> there = copies(tensors, kDevice);
    call(device, there);
    verify(copies(there, {}));
  }
  set_thread_order(0);
}

}  // namespace hush::cuda
