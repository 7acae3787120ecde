#include "data/cifar.h"

#include <fmt/format.h>

#include <vector>

#include "core/error.h"
#include "data/file_bytes.h"

namespace hush::data {
namespace {

constexpr std::int64_t kSide = 32;
constexpr std::size_t kPlane = std::size_t(kSide * kSide);
constexpr std::size_t kPixels = 3 * kPlane;

// How many classes each label byte of a record counts, and which of them is wanted.
struct RecordFormat {
  std::vector<int> class_counts;
  std::size_t wanted;
};

RecordFormat format_of(CifarLabels labels) {
  switch (labels) {
    case CifarLabels::cifar10:
      return {{10}, 0};
    case CifarLabels::cifar100_coarse:
      return {{20, 100}, 0};
    case CifarLabels::cifar100_fine:
      return {{20, 100}, 1};
  }
  throw ArgumentError("cifar: unknown kind of labels");
}

Dataset empty_dataset(const std::filesystem::path& folder, Split split) {
  Dataset dataset;
  dataset.split = split;
  dataset.source = folder;
  dataset.height = dataset.width = kSide;
  dataset.channels = 3;
  return dataset;
}

std::vector<std::string> read_class_names(const std::filesystem::path& path, CifarLabels labels) {
  const RecordFormat format = format_of(labels);
  const int wanted = format.class_counts[format.wanted];
  std::vector<std::string> names = read_lines(path);
  if (std::int64_t(names.size()) != wanted)
    throw FileError(fmt::format("{}: {} class names, expected {}; unpack the archive again",
                                path.string(), names.size(), wanted));
  return names;
}

void append_file(const std::filesystem::path& path, CifarLabels labels, Dataset& dataset) {
  append_cifar(read_file(path), path.string(), labels, dataset);
}

}  // namespace

void append_cifar(std::span<const std::uint8_t> file, const std::string& where, CifarLabels labels,
                  Dataset& dataset) {
  const RecordFormat format = format_of(labels);
  const std::size_t label_bytes = format.class_counts.size();
  const std::size_t record_bytes = label_bytes + kPixels;
  if (file.empty() || file.size() % record_bytes != 0)
    throw FileError(
        fmt::format("{}: {} bytes is not a whole number of {}-byte records, so the file is "
                    "truncated or of another kind; unpack the archive again",
                    where, file.size(), record_bytes));

  const std::size_t records = file.size() / record_bytes;
  const std::size_t first = dataset.labels.size();
  dataset.pixels.resize((first + records) * kPixels);
  for (std::size_t record = 0; record < records; ++record) {
    const std::uint8_t* source = file.data() + record * record_bytes;
    for (std::size_t i = 0; i < label_bytes; ++i)
      if (source[i] >= format.class_counts[i])
        throw FileError(
            fmt::format("{}: record {} has label {}, but labels end at {}; the file is "
                        "damaged or of another kind",
                        where, record, source[i], format.class_counts[i] - 1));
    dataset.labels.push_back(source[format.wanted]);
    const std::uint8_t* planes = source + label_bytes;
    std::uint8_t* target = dataset.pixels.data() + (first + record) * kPixels;
    for (std::size_t i = 0; i < kPlane; ++i)
      for (std::size_t channel = 0; channel < 3; ++channel)
        target[3 * i + channel] = planes[channel * kPlane + i];
  }
}

Dataset read_cifar10(const std::filesystem::path& folder, Split split) {
  Dataset dataset = empty_dataset(folder, split);
  dataset.name = "cifar10";
  dataset.mean = {0.4914f, 0.4822f, 0.4465f};
  dataset.std = {0.2470f, 0.2435f, 0.2616f};
  dataset.class_names = read_class_names(folder / "batches.meta.txt", CifarLabels::cifar10);
  if (split == Split::test) {
    append_file(folder / "test_batch.bin", CifarLabels::cifar10, dataset);
    return dataset;
  }
  dataset.pixels.reserve(50000 * kPixels);
  for (int batch = 1; batch <= 5; ++batch)
    append_file(folder / fmt::format("data_batch_{}.bin", batch), CifarLabels::cifar10, dataset);
  return dataset;
}

Dataset read_cifar100(const std::filesystem::path& folder, Split split, CifarLabels labels) {
  require(labels != CifarLabels::cifar10, "cifar100: labels are fine or coarse");
  Dataset dataset = empty_dataset(folder, split);
  dataset.name = "cifar100";
  dataset.mean = {0.5071f, 0.4865f, 0.4409f};
  dataset.std = {0.2673f, 0.2564f, 0.2762f};
  const char* names =
      labels == CifarLabels::cifar100_coarse ? "coarse_label_names.txt" : "fine_label_names.txt";
  dataset.class_names = read_class_names(folder / names, labels);
  append_file(folder / fmt::format("{}.bin", name_of(split)), labels, dataset);
  return dataset;
}

}  // namespace hush::data
