// Initial values of parameters, reproducible by seed and name.
//
// Every parameter draws from a stream of its own, chosen by its name: neither the order in which
// layers are made nor what else is in the network changes a parameter's first value.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/random.h"
#include "core/tensor.h"

namespace hush::nn {

// The stream for the initial values of the parameter `name`.
RandomStream parameter_stream(std::uint64_t seed, std::string_view name);

// Convolution weights [KH, KW, C / groups, K]: normal with variance 2 / fan_out, where fan_out is
// K·KH·KW (He et al., "Delving Deep into Rectifiers", ICCV 2015, section 2.2; the backward form,
// which torchvision's residual networks use).
Tensor kaiming_convolution(const Shape& shape, std::uint64_t seed, std::string_view name);

// Uniform in ±1 / sqrt(fan_in): what PyTorch gives weights and biases of linear layers.
Tensor uniform_fan_in(const Shape& shape, std::int64_t fan_in, std::uint64_t seed,
                      std::string_view name);

}  // namespace hush::nn
