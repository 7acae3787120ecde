// Kernels beyond hush::Backend.
#include "cuda/extensions.h"

#include "cuda/arguments.h"
#include "cuda/kernels/chacha20.cuh"
#include "cuda/kernels/random.cuh"
#include "cuda/kernels/ring.cuh"

namespace hush::cuda {
namespace {

void truncate(CudaBackend& backend, const Tensor& x, int bits, Shift shift, const Tensor& y) {
  const Arguments check("truncation", backend.device());
  check.tensor("x", x, x.shape(), DType::ring64).tensor("y", y, x.shape(), DType::ring64);
  require(bits >= 1 && bits <= 63, "truncation: by {} bits, not 1 to 63", bits);
  for_each_element(backend.queue(), x.elements(),
                   TruncateBody{x.device_data<Ring>(), y.device_data<Ring>(), bits, shift});
}

struct PlaneShape {
  int elements, words, bits;
};

PlaneShape plane_shape(const Arguments& check, const Tensor& x, const Tensor& planes) {
  check.rank("the elements", x, 1).tensor("the elements", x, x.shape(), DType::ring64);
  check.rank("planes", planes, 2);
  const std::int64_t bits = planes.shape()[0], words = ceil_div(x.elements(), kWarp);
  require(bits >= 1 && bits <= 64, "bit planes: {} planes, not 1 to 64", bits);
  check.tensor("planes", planes, {bits, words}, DType::int32);
  return {check.extent("the number of elements", x.elements()), int(words), int(bits)};
}

void fill(CudaBackend& backend, std::uint64_t seed, RandomUse use, std::uint64_t index,
          Distribution distribution, const Tensor& y) {
  const Arguments check("random fill", backend.device());
  check.floats("y", y, y.shape());
  // A stream has 2^34 numbers, and a normal number takes two.
  require(y.elements() <= std::int64_t{1} << 33, "random fill: {} is longer than a stream",
          y.text());
  for_each_element(backend.queue(), y.elements(),
                   RandomFillBody{seed, index, use, distribution, y.device_data<float>()});
}

}  // namespace

void shift_right(CudaBackend& backend, const Tensor& x, int bits, const Tensor& y) {
  truncate(backend, x, bits, Shift::arithmetic, y);
}

void truncate_share(CudaBackend& backend, int party, const Tensor& x, int bits, const Tensor& y) {
  require(party == 0 || party == 1, "truncation: there is no party {}", party);
  truncate(backend, x, bits, party == 0 ? Shift::share_0 : Shift::share_1, y);
}

void beaver_and(CudaBackend& backend, const BeaverAnd& t, bool with_product) {
  const Arguments check("beaver_and", backend.device());
  for (const Tensor* tensor : {&t.a, &t.b, &t.c, &t.e, &t.f, &t.z})
    check.tensor("a tensor", *tensor, t.z.shape(), DType::ring64);
  for_each_element(backend.queue(), t.z.elements(),
                   BeaverAndBody{t.a.device_data<Ring>(), t.b.device_data<Ring>(),
                                 t.c.device_data<Ring>(), t.e.device_data<Ring>(),
                                 t.f.device_data<Ring>(), t.z.device_data<Ring>(), with_product});
}

void to_bit_planes(CudaBackend& backend, const Tensor& x, const Tensor& planes) {
  const Arguments check("to_bit_planes", backend.device());
  const PlaneShape s = plane_shape(check, x, planes);
  launch(backend.queue(), bit_planes_kernel, dim3(unsigned(ceil_div(s.elements, kPlanesThreads))),
         dim3(kPlanesThreads), x.device_data<Ring>(),
         reinterpret_cast<std::uint32_t*>(planes.raw()), s.elements, s.words, s.bits);
}

void from_bit_planes(CudaBackend& backend, const Tensor& planes, const Tensor& y) {
  const Arguments check("from_bit_planes", backend.device());
  const PlaneShape s = plane_shape(check, y, planes);
  for_each_element(backend.queue(), s.elements,
                   FromBitPlanesBody{reinterpret_cast<const std::uint32_t*>(planes.raw()),
                                     y.device_data<Ring>(), s.words, s.bits});
}

void fill_chacha20(CudaBackend& backend, const std::array<std::uint32_t, 8>& key,
                   std::uint64_t first_block, const std::array<std::uint32_t, 3>& nonce,
                   const Tensor& y) {
  const Arguments check("fill_chacha20", backend.device());
  check.tensor("y", y, y.shape(), y.dtype());
  require(y.bytes() % 4 == 0, "fill_chacha20: {} is not a whole number of 32-bit words", y.text());
  ChaChaKey words{};
  std::copy(key.begin(), key.end(), words.word);
  chacha20(backend.queue(), words, first_block, {nonce[0], nonce[1], nonce[2]},
           reinterpret_cast<std::uint32_t*>(y.raw()), std::int64_t(y.bytes() / 4));
}

void fill_uniform(CudaBackend& backend, std::uint64_t seed, RandomUse use, std::uint64_t index,
                  const Tensor& y) {
  fill(backend, seed, use, index, Distribution::uniform, y);
}

void fill_normal(CudaBackend& backend, std::uint64_t seed, RandomUse use, std::uint64_t index,
                 const Tensor& y) {
  fill(backend, seed, use, index, Distribution::normal, y);
}

void place_images(CudaBackend& backend, const Tensor& images, const Tensor& placement,
                  const Tensor& mean, const Tensor& std, const Tensor& y) {
  const Arguments check("place_images", backend.device());
  check.rank("y", y, 4).floats("y", y, y.shape());
  const Shape& shape = y.shape();
  check.tensor("images", images, shape, DType::uint8);
  check.tensor("placement", placement, {shape[0], 3}, DType::int32);
  check.floats("mean", mean, {shape[3]}).floats("std", std, {shape[3]});
  const int n = check.extent("the number of elements", y.elements());
  if (n == 0) return;
  for_each_element(backend.queue(), n,
                   PlaceImagesBody{{Divisor(shape[3]), Divisor(shape[2]), Divisor(shape[1])},
                                   images.device_data<std::uint8_t>(),
                                   placement.device_data<std::int32_t>(),
                                   mean.device_data<float>(),
                                   std.device_data<float>(),
                                   y.device_data<float>()});
}

}  // namespace hush::cuda
