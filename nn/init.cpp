#include "nn/init.h"

#include <cmath>

namespace hush::nn {

RandomStream parameter_stream(std::uint64_t seed, std::string_view name) {
  std::uint64_t hash = 0xcbf29ce484222325u;  // FNV-1a
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return {seed, RandomUse::weights, hash};
}

Tensor kaiming_convolution(const Shape& shape, std::uint64_t seed, std::string_view name) {
  require(shape.rank() == 4, "kaiming: '{}' is {}, not [KH, KW, C, K]", name, shape.text());
  const float deviation = std::sqrt(2.0f / float(shape[0] * shape[1] * shape[3]));
  RandomStream random = parameter_stream(seed, name);
  Tensor result = Tensor::empty(shape, DType::float32);
  for (float& x : result.values<float>()) x = deviation * random.normal();
  return result;
}

Tensor uniform_fan_in(const Shape& shape, std::int64_t fan_in, std::uint64_t seed,
                      std::string_view name) {
  require(fan_in > 0, "uniform: '{}' has no inputs", name);
  const float bound = 1.0f / std::sqrt(float(fan_in));
  RandomStream random = parameter_stream(seed, name);
  Tensor result = Tensor::empty(shape, DType::float32);
  for (float& x : result.values<float>()) x = bound * (2.0f * random.uniform() - 1.0f);
  return result;
}

}  // namespace hush::nn
