// The images of a replacement run: those it trains on, and those it is scored on after each epoch.
#pragma once

#include <optional>

#include "apps/replace/options.h"

namespace hush::apps {

struct RunData {
  data::Dataset train;
  // The test images; with --holdout the training images held out; nothing with --no-eval.
  std::optional<data::Dataset> scored;
  // "test" or "held-out": what a score may be called.
  const char* scored_as = "test";
};

// Reads them. Throws ArgumentError if --holdout or --images leave nothing to train on, and what
// reading a dataset throws.
RunData load_run_data(const AutorepOptions& options);

// How these images come in batches; `info` knows how the network wants them normalised.
data::LoaderOptions training_batches(const AutorepOptions& options, const nn::ModelInfo& info);
data::LoaderOptions scoring_batches(const AutorepOptions& options, const nn::ModelInfo& info);

}  // namespace hush::apps
