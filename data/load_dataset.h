// The entrance of the data module: a dataset by its name, wherever it is.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/download.h"
#include "data/image_folder.h"

namespace hush::data {

struct LoadOptions {
  // The first place to look, and where a download goes. The dataset may lie in it or be it.
  std::filesystem::path data_dir;
  bool coarse_labels = false;  // cifar100: the 20 superclasses
  // Datasets of image files: ImageFolderOptions, whose side 0 is that of the dataset itself, 224
  // for imagefolder and 64 for tiny-imagenet.
  ImageFolderOptions images = {.side = 0};
  bool allow_download = true;
  std::string base_url;       // fetch from this mirror instead of the official address
  ProgressCallback progress;  // of downloads; may throw to cancel
};

// "cifar10", "cifar100", "mnist", "fashion-mnist", "tiny-imagenet", "imagefolder".
std::vector<std::string> dataset_names();

// The folder of a dataset. Looks in options.data_dir, in $HUSH_DATA, in datasets/ and where
// Debian's packages put it; unpacks an archive that lies there; else downloads into the first of
// these places, checks the digest, and moves the finished folder into place in one step, so that
// an interrupted download leaves nothing that looks like a dataset. Throws FileError, in one line
// that says where to put which file, if all of that fails.
std::filesystem::path obtain_dataset(const std::string& name, const LoadOptions& options = {});

// Obtains and reads one split. `source` of the result says where it was found. Throws
// ArgumentError for an unknown name and FileError for missing or damaged data.
Dataset load_dataset(const std::string& name, Split split, const LoadOptions& options = {});

}  // namespace hush::data
