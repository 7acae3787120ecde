// Named recipes: a preset stands for a list of options of ./apps/pretrain or ./apps/autorep.
//
// paper/DATASET-MODEL-BUDGET are the rows of Tables 3 to 5 of AutoReP (Peng et al., ICCV 2023) for
// autorep, paper/DATASET-MODEL the networks that they start from for pretrain. Where the paper is
// silent the options are those of the authors' published code, or this program's defaults;
// docs/autorep.md says which is which.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace hush::apps {

struct Preset {
  std::string name;     // "paper/cifar100-resnet18-12.9k"
  std::string program;  // "autorep"
  std::string options;  // as on a command line, no value with spaces
  double accuracy = 0;  // percent, as published
  double latency = 0;   // seconds of private inference, as published; 0: not given
};

const std::vector<Preset>& presets();

// A command line in which --preset NAME is replaced by its options, those that are given besides
// left out, and what --list-presets prints.
class PresetArguments {
 public:
  // Throws ArgumentError, listing the names there are, for a preset that `program` does not have.
  PresetArguments(const std::string& program, int argc, char** argv);

  // Adds --preset and --list-presets to the options that --help lists; they are done with before.
  static void describe(CLI::App& app);

  // Empty unless --list-presets is given: a line for each preset of the program.
  const std::string& listing() const { return listing_; }
  int argc() const { return int(pointers_.size()); }
  char** argv() { return pointers_.data(); }

 private:
  std::string listing_;
  std::vector<std::string> arguments_;
  std::vector<char*> pointers_;
};

}  // namespace hush::apps
