#include "apps/common/logits_file.h"

#include <array>

#include "nn/atomic_file.h"

namespace hush::apps {

LogitsFile::LogitsFile(std::filesystem::path path, int classes) : path_(std::move(path)) {
  text_ = "image,label";
  for (int c = 0; c < classes; ++c) text_ += fmt::format(",logit{}", c);
  text_ += '\n';
}

void LogitsFile::append(const Tensor& logits, const Tensor& labels) {
  const auto values = logits.values<float>();
  const auto classes = std::size_t(logits.shape()[1]);
  for (std::size_t row = 0; row < std::size_t(logits.shape()[0]); ++row) {
    text_ += fmt::format("{},{}", images_++, labels.values<std::int32_t>()[row]);
    for (std::size_t c = 0; c < classes; ++c)
      text_ += fmt::format(",{:.9g}", values[row * classes + c]);
    text_ += '\n';
  }
}

void LogitsFile::commit() const {
  const std::array parts{std::as_bytes(std::span(text_))};
  nn::write_file_atomically(path_, parts);
}

}  // namespace hush::apps
