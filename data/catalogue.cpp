#include "data/catalogue.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/error.h"
#include "data/cifar.h"
#include "data/idx.h"
#include "data/image_folder.h"
#include "data/load_dataset.h"

namespace hush::data {
namespace {

const std::vector<std::string> kIdxMarkers = {"train-images-idx3-ubyte", "t10k-images-idx3-ubyte",
                                              "train-images-idx3-ubyte.gz",
                                              "t10k-images-idx3-ubyte.gz"};

Dataset read_idx_as(const std::filesystem::path& folder, Split split, std::string name,
                    std::vector<std::string> class_names, float mean, float std) {
  Dataset dataset = read_idx(folder, split, std::move(class_names));
  dataset.name = std::move(name);
  dataset.mean = {mean};
  dataset.std = {std};
  return dataset;
}

CatalogueEntry cifar10() {
  return {.name = "cifar10",
          .folders = {"cifar-10-batches-bin"},
          .markers = {"data_batch_1.bin", "test_batch.bin"},
          .base_url = "https://www.cs.toronto.edu/~kriz/",
          .remote = {{"cifar-10-binary.tar.gz", "c32a1d4ab5d03f1284b67883e8d87530"}},
          .is_archive = true,
          .read = [](const std::filesystem::path& folder, Split split, const LoadOptions&) {
            return read_cifar10(folder, split);
          }};
}

CatalogueEntry cifar100() {
  return {.name = "cifar100",
          .folders = {"cifar-100-binary"},
          .markers = {"train.bin", "test.bin"},
          .base_url = "https://www.cs.toronto.edu/~kriz/",
          .remote = {{"cifar-100-binary.tar.gz", "03b5dce01913d631647c71ecec9e9cb8"}},
          .is_archive = true,
          .read = [](const std::filesystem::path& folder, Split split, const LoadOptions& options) {
            return read_cifar100(
                folder, split,
                options.coarse_labels ? CifarLabels::cifar100_coarse : CifarLabels::cifar100_fine);
          }};
}

CatalogueEntry mnist() {
  return {.name = "mnist",
          .folders = {"mnist", "MNIST/raw"},
          .markers = kIdxMarkers,
          .base_url = "https://ossci-datasets.s3.amazonaws.com/mnist/",
          .remote = {{"train-images-idx3-ubyte.gz", "f68b3c2dcbeaaa9fbdd348bbdeb94873"},
                     {"train-labels-idx1-ubyte.gz", "d53e105ee54ea40749a09fcbcd1e9432"},
                     {"t10k-images-idx3-ubyte.gz", "9fb629c4189551a2d022fa330f9573f3"},
                     {"t10k-labels-idx1-ubyte.gz", "ec29112dd5afa0611ce80d1b7f02629c"}},
          .read = [](const std::filesystem::path& folder, Split split, const LoadOptions&) {
            return read_idx_as(folder, split, "mnist",
                               {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}, 0.1307f,
                               0.3081f);
          }};
}

CatalogueEntry fashion_mnist() {
  return {.name = "fashion-mnist",
          .folders = {"fashion-mnist", "FashionMNIST/raw"},
          .markers = kIdxMarkers,
          .system_folders = {"/usr/share/datasets/fashion-mnist"},
          .install_command = "apt-get install dataset-fashion-mnist",
          .base_url = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
          .remote = {{"train-images-idx3-ubyte.gz", "8d4fb7e6c68d591d4c3dfef9ec88bf0d"},
                     {"train-labels-idx1-ubyte.gz", "25c81989df183df01b3e8a0aad5dffbe"},
                     {"t10k-images-idx3-ubyte.gz", "bef4ecab320f06d8554ea6380940ec79"},
                     {"t10k-labels-idx1-ubyte.gz", "bb300cfdad3c16e7a12a480ee83cd310"}},
          .read = [](const std::filesystem::path& folder, Split split, const LoadOptions&) {
            return read_idx_as(folder, split, "fashion-mnist",
                               {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal",
                                "Shirt", "Sneaker", "Bag", "Ankle boot"},
                               0.2860f, 0.3530f);
          }};
}

Dataset read_images(const std::filesystem::path& folder, Split split, const LoadOptions& options,
                    std::int64_t usual_side) {
  ImageFolderOptions images = options.images;
  if (images.side == 0) images.side = usual_side;
  return read_image_folder(folder, split, images);
}

CatalogueEntry tiny_imagenet() {
  return {.name = "tiny-imagenet",
          .folders = {"tiny-imagenet-200"},
          .markers = {"wnids.txt"},
          .install_command =
              "curl -O http://cs231n.stanford.edu/tiny-imagenet-200.zip && unzip -q "
              "tiny-imagenet-200.zip -d datasets",
          .read = [](const std::filesystem::path& folder, Split split, const LoadOptions& options) {
            Dataset dataset = read_images(folder, split, options, 64);
            dataset.name = "tiny-imagenet";
            dataset.mean = {0.4802f, 0.4481f, 0.3975f};
            dataset.std = {0.2302f, 0.2265f, 0.2262f};
            return dataset;
          }};
}

CatalogueEntry image_folder() {
  return {.name = "imagefolder",
          .markers = {"train", "val", "test"},
          .read = [](const std::filesystem::path& folder, Split split, const LoadOptions& options) {
            return read_images(folder, split, options, 224);
          }};
}

}  // namespace

std::span<const CatalogueEntry> catalogue() {
  static const std::vector<CatalogueEntry> entries = {
      cifar10(), cifar100(), mnist(), fashion_mnist(), tiny_imagenet(), image_folder()};
  return entries;
}

const CatalogueEntry& catalogue_entry(const std::string& name) {
  std::vector<std::string> names;
  for (const CatalogueEntry& entry : catalogue()) {
    if (entry.name == name) return entry;
    names.push_back(entry.name);
  }
  throw ArgumentError(
      fmt::format("unknown dataset '{}'; there are {}", name, fmt::join(names, ", ")));
}

}  // namespace hush::data
