// Model files: the weights of a graph with what one must know to use them.
//
// A model file is a safetensors file (safetensors.h). Its tensors are the graph's parameters and
// buffers under their names, in PyTorch's layout: convolutions [K, C / groups, KH, KW] and linear
// layers [out, in], where the graph has [KH, KW, C / groups, K] and [in, out] (weight_layout.h). So
// files from PyTorch load, its own checkpoints (torch_file.h) included, and ours load there.
// Metadata (all optional when reading):
//   hush_version  format of this list, "1"
//   model, dataset, classes, image ("32 32 3": height, width, channels)
//   mean, std     one number per channel, of pixels scaled to [0, 1]
//   class_names   one per line
//   activation    "silu" or "relu" where it is not the model's own (activation.h)
//   epoch         epochs trained
//   revision      git revision of the program that wrote the file
//   replacement   how its ReLUs were replaced, "autorep dapa2": the network is what replace_relus
//                 (replacement.h) makes of the model; budget: the ReLUs that it may keep
//   option.NAME   how it was trained
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/graph.h"
#include "nn/safetensors.h"
#include "nn/weight_file.h"

namespace hush::nn {

// What a model file says of itself. Absent entries are empty or 0.
struct ModelInfo {
  std::string model;    // for make_model
  std::string dataset;  // for load_dataset
  int classes = 0;
  Shape image;  // [1, height, width, channels]; rank 0 if absent
  std::vector<float> mean, std;
  std::vector<std::string> class_names;  // without line breaks
  std::int64_t epoch = 0;
  std::string revision;          // reading only: what wrote the file
  std::string replacement = {};  // empty: its ReLUs are all there
  std::int64_t budget = 0;
  std::string activation = {};  // empty: the model's own
  Metadata options;             // without the prefix "option."
};

// As metadata, `revision` being that of this build; and back. from_metadata throws FileError,
// beginning with `where`, for entries that are no such numbers or a format newer than this one.
Metadata to_metadata(const ModelInfo& info);
ModelInfo from_metadata(const Metadata& metadata, const std::string& where);

// The network that such a file holds, its weights not loaded: make_model with its activation, and
// with the ReLUs replaced if they were. Throws ArgumentError if the model or activation is unknown.
Graph make_network(const ModelInfo& info, std::uint64_t seed = 0);

// Writes a model file, atomically.
void save_model(const std::filesystem::path& path, const Graph& graph, const ModelInfo& info);

// How the tensors of a file and the leaves of a graph fit together, by name.
struct NameMatch {
  struct Pair {
    NodeId leaf = -1;
    std::string in_file;
  };
  std::vector<Pair> pairs;
  std::vector<std::string> missing;      // in the graph, not in the file
  std::vector<std::string> unused;       // in the file, not in the graph
  std::vector<std::string> wrong_shape;  // "fc.weight is [10, 512], needs [100, 512]"
  bool complete() const { return missing.empty() && unused.empty() && wrong_shape.empty(); }
  // The three lists in one line, "missing: a, b; wrong shape: …", five names of each at most.
  std::string differences() const;
};

// Names are compared in one spelling (weight_names.h); counters named num_batches_tracked are
// passed over. Names that begin with `prefix` are considered without it, others not at all.
NameMatch match_names(const Graph& graph, const WeightFile& file, const std::string& prefix = {});

// Copies the file's values into the graph's parameters and buffers, in place: graphs that share
// them see the change. Throws FileError that lists what is missing, unused or of another shape,
// and changes nothing then.
void load_weights(const Graph& graph, const WeightFile& file, const std::string& prefix = {});

// The same for whatever fits; the rest keeps its values and is returned. For starting from a
// network that was trained for other classes. Throws FileError if nothing fits.
NameMatch load_fitting_weights(const Graph& graph, const WeightFile& file);

// The graph's parameters and buffers as a file has them, on the host, in the order of the nodes.
std::vector<NamedTensor> weights_for_file(const Graph& graph);

// SHA-256, in hexadecimal, over names, types, shapes and values of weights_for_file: equal for
// equal weights, on whatever device and in whatever file.
std::string weights_digest(const Graph& graph);

}  // namespace hush::nn
