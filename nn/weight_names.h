// Names of weights in the one spelling under which a file's and a graph's are compared.
//
//   module.x, _orig_mod.x      x            (torch.nn.DataParallel, torch.compile)
//   linear.x                   fc.x
//   layer2.0.shortcut.x        layer2.0.downsample.x
// and, in files with timm's names of an EfficientNet, its modules as torchvision numbers them:
//   conv_stem, bn1             features.0.0, features.0.1
//   blocks.S.I.conv_pw …       features.S+1.I.block.0.0 …
//   conv_head, bn2             features.8.0, features.8.1
//   classifier                 classifier.1
#pragma once

#include <string>
#include <vector>

#include "nn/weight_file.h"

namespace hush::nn {

// The spelling for a graph's names.
std::string canonical_name(std::string name);

// The spelling for the names of a file, whose style follows from the names it has.
class NameTranslation {
 public:
  // `prefix` stands in front of all names that will be translated.
  NameTranslation(const std::vector<NamedShape>& entries, std::string prefix);
  std::string operator()(const std::string& name) const;

 private:
  std::string prefix_;
  bool timm_efficientnet_ = false;
};

}  // namespace hush::nn
