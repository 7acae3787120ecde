// Which image files a dataset is made of, and of which class each is.
//
// Three layouts, told apart by what is there:
//   ImageNet          ROOT/train/CLASS/**.jpg, ROOT/val/CLASS/**.jpg (ROOT/test if there is no val)
//   Tiny-ImageNet     ROOT/train/CLASS/images/*.JPEG, and ROOT/val/images/*.JPEG with
//                     ROOT/val/val_annotations.txt, whose lines begin FILE<tab>CLASS
//   a label file      ROOT/val/**.jpg with a text file of lines "FILE CLASS" or "FILE NUMBER", FILE
//                     below ROOT/val and without spaces, as in ImageNet's own validation set
// Classes are numbered by their names in byte order, as they stand in train/ (in wnids.txt, or else
// in the split itself, if there is no train/); images are in the order of their paths.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace hush::data {

struct ImageListing {
  std::vector<std::filesystem::path> paths;
  std::vector<std::int32_t> labels;      // one per path
  std::vector<std::string> class_names;  // what labels count; folder names, or better ones
};

// `label_file` is for the test split; empty: val/val_annotations.txt if there is one, else folders.
// Class names are replaced by the first of those given for their folder's name in ROOT/words.txt
// ("n02124075<tab>Egyptian cat") or ROOT/LOC_synset_mapping.txt ("n02124075 Egyptian cat, …"), if
// such a file is there. Throws FileError for a missing split, a class without images, a class that
// train/ does not have, or a label file that is no such file.
ImageListing list_images(const std::filesystem::path& root, Split split,
                         const std::filesystem::path& label_file = {});

}  // namespace hush::data
