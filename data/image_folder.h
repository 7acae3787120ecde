// Images in one folder per class, the way ImageNet and its subsets are distributed.
//
//   ROOT/train/CLASS/**.jpg    the training images
//   ROOT/val/CLASS/**.jpg      the test images (ROOT/test if there is no ROOT/val)
// Classes are numbered by their names in byte order, as they stand in train/ (in val/ if there
// is no train/); images are in the order of their paths.
#pragma once

#include <filesystem>

#include "data/dataset.h"

namespace hush::data {

// True if `root` has one of the folders train, val and test.
bool is_image_folder(const std::filesystem::path& root);

// Decodes every image of the split to `side` × `side` RGB (fit_square), on all threads of the
// pool, and keeps them in memory: 3 * side² bytes each. Throws FileError for a missing split, a
// class without images, a test class that train/ does not have, or an image that does not decode.
Dataset read_image_folder(const std::filesystem::path& root, Split split, std::int64_t side);

}  // namespace hush::data
