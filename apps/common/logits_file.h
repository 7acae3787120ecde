// Logits as a CSV file: image,label,logit0,logit1,…
#pragma once

#include <filesystem>
#include <string>

#include "core/tensor.h"

namespace hush::apps {

// Collects rows; the file appears, whole, with `commit`.
class LogitsFile {
 public:
  LogitsFile(std::filesystem::path path, int classes);

  // One row per image: logits [N, C] and labels [N], on the host.
  void append(const Tensor& logits, const Tensor& labels);
  // Throws FileError if the file cannot be written.
  void commit() const;

 private:
  std::filesystem::path path_;
  std::string text_;
  std::int64_t images_ = 0;
};

}  // namespace hush::apps
