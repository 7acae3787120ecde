// A tensor with the name under which a checkpoint holds it.
#pragma once

#include <string>

#include "core/tensor.h"

namespace hush::nn {

struct NamedTensor {
  std::string name;
  Tensor value;
};

}  // namespace hush::nn
