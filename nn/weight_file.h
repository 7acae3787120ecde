// A file of named tensors, whatever its format.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/tensor.h"

namespace hush::nn {

using Metadata = std::map<std::string, std::string>;

// A tensor of a file, not read yet.
struct NamedShape {
  std::string name;
  Shape shape;
};

class WeightFile {
 public:
  virtual ~WeightFile() = default;

  virtual const std::filesystem::path& path() const = 0;
  // What the file says of itself; empty if its format has no place for that.
  virtual const Metadata& metadata() const = 0;
  virtual std::vector<NamedShape> entries() const = 0;
  // A tensor's values on the host, types as file_elements.h turns them. Throws FileError if there
  // is none of that name, the file was cut short, or an integer does not fit.
  virtual Tensor read(std::string_view name) const = 0;
};

// Opens a safetensors file (safetensors.h) or a checkpoint of PyTorch's (torch_file.h), told apart
// by their first bytes. Throws FileError if it is neither, or damaged.
std::unique_ptr<WeightFile> open_weight_file(const std::filesystem::path& path);

}  // namespace hush::nn
