// The options that choose a network and its weights.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>

#include "nn/checkpoint.h"

namespace hush::apps {

struct LoadedModel {
  Graph graph;
  nn::ModelInfo info;
};

// --model, --act and --weights.
struct ModelOptions {
  std::string model;
  std::string activation;
  std::string weights;

  void add_to(CLI::App& app);

  // The network of a weights file. What its metadata does not say comes from --model and from
  // `fallback`: classes and image of the dataset at hand, if any. Throws ArgumentError if the
  // model is still unknown, FileError if the file does not fit it.
  LoadedModel load(const nn::ModelInfo& fallback) const;
};

// --act of a program that makes or takes a network.
void add_activation_option(CLI::App& app, std::string& activation);

// `what` of the file if it says so, else of the fallback.
nn::ModelInfo completed(nn::ModelInfo info, const nn::ModelInfo& fallback);

}  // namespace hush::apps
