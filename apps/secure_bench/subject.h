// What is benchmarked: a network, images, and what the network says of them in the clear.
#pragma once

#include "apps/common/dataset_options.h"
#include "apps/common/model_options.h"

namespace hush::apps {

struct SubjectOptions {
  // A model file, or the name of an untrained network; empty: the newest replaced model in runs/,
  // else an untrained ResNet-18.
  std::string model;
  // "silu" or "relu"; empty: the file's own, and ReLU for an untrained network that has SiLU, as
  // AutoReP has it.
  std::string activation;
  DatasetOptions dataset;
  std::int64_t budget = -1;  // ReLUs of an untrained network; -1: 12,900, or all if it has fewer
  std::int64_t first = 0, images = 20;  // of the test images
};

struct Subject {
  Graph graph;
  nn::ModelInfo info;
  std::string origin;                // "runs/x.safetensors", or that it is untrained
  std::string pictures;              // "cifar10 test", or that they are noise
  std::int64_t first = 0;            // which of them comes first
  Tensor images;                     // float32 [N, H, W, C], normalised
  std::vector<std::int32_t> labels;  // empty without real images or training
  Tensor logits;                     // in the clear
};

// Computes the logits on the calling thread's backend. Throws ArgumentError, FileError.
Subject make_subject(const SubjectOptions& options);

}  // namespace hush::apps
