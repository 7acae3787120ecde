// The CIFAR reader on arbitrary bytes: a FileError, or a dataset that is consistent.
#include <cstdlib>

#include "core/error.h"
#include "data/cifar.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace hush::data;
  if (size == 0) return 0;
  const auto kind = CifarLabels(bytes[0] % 3);
  const int classes = kind == CifarLabels::cifar10         ? 10
                      : kind == CifarLabels::cifar100_fine ? 100
                                                           : 20;
  Dataset dataset;
  dataset.height = dataset.width = 32;
  dataset.channels = 3;
  try {
    append_cifar({bytes + 1, size - 1}, "input", kind, dataset);
  } catch (const hush::FileError&) {
    return 0;
  }
  if (dataset.count() < 1 ||
      std::int64_t(dataset.pixels.size()) != dataset.count() * dataset.image_bytes())
    std::abort();
  for (std::int32_t label : dataset.labels)
    if (label < 0 || label >= classes) std::abort();
  return 0;
}
