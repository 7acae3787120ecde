// Opens checkpoints that a test has written.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "nn/torch_file.h"
#include "tests/nn/scratch.h"
#include "tests/nn/torch_writer.h"

namespace hush::nn {

inline const std::vector<float> kSix{0, 1, 2, 3, 4, 5};
inline const TorchTensor kMatrix{.storage_elements = 6, .shape = {2, 3}, .strides = {3, 1}};

class TorchFileTest : public testing::Test {
 protected:
  TorchFile open(const std::string& bytes) const {
    return TorchFile(scratch_.write("model.pth", bytes));
  }
  // A file of one tensor "w".
  TorchFile open(const TorchTensor& tensor, const std::string& storage) const {
    return open(torch_archive(pickled_dict({{"w", tensor.pickled()}}), {storage}));
  }
  // The one-line error that opening gives.
  std::string error(const std::string& bytes) const {
    try {
      open(bytes);
    } catch (const FileError& error) {
      EXPECT_THAT(error.what(), testing::Not(testing::HasSubstr("\n")));
      return error.what();
    }
    return "no error";
  }
  std::string tensor_error(const TorchTensor& tensor) const {
    return error(torch_archive(pickled_dict({{"w", tensor.pickled()}}), {bytes_of(kSix)}));
  }
  std::string value_error(const std::string& pickled) const {
    return error(torch_archive(pickled_dict({{"w", pickled}}), {bytes_of(kSix)}));
  }

  Scratch scratch_;
};

inline std::vector<float> floats(const Tensor& tensor) {
  return {tensor.values<float>().begin(), tensor.values<float>().end()};
}

}  // namespace hush::nn
