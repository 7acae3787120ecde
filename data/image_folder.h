// Datasets of image files, the way ImageNet, its subsets and Tiny-ImageNet are distributed. Which
// files they are made of says image_listing.h.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

#include "data/dataset.h"

namespace hush::data {

enum class BadImages {
  error,  // an image that does not decode is a FileError
  skip,   // it is left out and counted
};

enum class ImageStorage {
  memory,  // decoded once, fitted, and kept: 3 · side² bytes each
  stream,  // decoded each time
  packed,  // decoded once into a file of `cache` (packed_images.h), read from there each time
};

struct ImageFolderOptions {
  std::int64_t side = 224;                // height and width that the network sees
  std::int64_t resize = 0;                // the shorter side before the middle is cut out; 0: side
  std::filesystem::path label_file = {};  // of the test split
  BadImages bad = BadImages::error;
  ImageStorage storage = ImageStorage::memory;
  std::filesystem::path cache = {};  // a folder
  // Told how many of how many images are decoded; may throw to cancel.
  std::function<void(std::int64_t done, std::int64_t total)> progress = {};
};

// True if `root` has one of the folders train, val and test.
bool is_image_folder(const std::filesystem::path& root);

// Reads one split. Images in memory are fitted to `side` × `side` RGB on all threads of the pool.
// A packed file has what is larger than `resize` reduced to it, is made if it is missing or does
// not belong to the files, and kept. Throws FileError as list_images does, for images that do not
// decode, and for images that would not fit into this machine's memory.
Dataset read_image_folder(const std::filesystem::path& root, Split split,
                          const ImageFolderOptions& options);

}  // namespace hush::data
