// The options of ./apps/autorep, and the grid of runs that they stand for.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "apps/common/command_line.h"
#include "apps/common/dataset_options.h"
#include "apps/common/gpu_options.h"
#include "nn/replacement_trainer.h"

namespace hush::apps {

// One replacement run.
struct AutorepOptions {
  DatasetOptions dataset;
  DeviceOptions device;
  GpuOptions gpu;
  std::string model, from, out, json, dapa = "fixed";
  std::string method = "autorep", polynomial = "dapa2";
  nn::ReplacementOptions replacement;
  std::int64_t batch = 128;
  std::int64_t images = 0;   // train on the first so many only; 0: all
  std::int64_t holdout = 0;  // score the last so many training images, left out of training
  AugmentOptions augment;
  bool evaluate = true, log_steps = false;
  bool score_start = true;  // score the network before anything is replaced
  bool resume = false, overwrite = false, print_json = false;

  // The options that a resumed run must share, as text.
  nn::Metadata recorded() const;
  // What sets this run apart: "autorep-dapa2-10000".
  std::string label() const;
};

// What the command line asks for: one run, or with --sweep one for each combination of the lists.
struct AutorepRequest {
  AutorepOptions common;
  std::vector<std::int64_t> budgets;
  std::vector<std::string> methods = {"autorep"}, polynomials = {"dapa2"};
  std::vector<double> thresholds = {0.003}, penalties = {140};
  std::vector<std::uint64_t> seeds = {0};
  bool sweep = false;

  void add_to(CLI::App& app);
  // All combinations, the budgets varying slowest. Throws ArgumentError if there are several
  // without --sweep, or no budget.
  std::vector<AutorepOptions> runs() const;
};

}  // namespace hush::apps
