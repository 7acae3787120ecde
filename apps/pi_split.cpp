// Splits a model between the two servers: ./apps/pi_split --weights FILE
#include "apps/common/command_line.h"
#include "apps/common/dataset_options.h"
#include "apps/common/model_options.h"
#include "apps/serve/model_files.h"

namespace hush::apps {
namespace {

struct Options {
  ModelOptions model;
  DatasetOptions dataset;
  std::string out = "models", name, mode = "shared", relu = "auto";
  mpc::SecureOptions secure;
};

// Comparison functions cost two rounds a layer and over a kilobyte an element, the carry tree six
// rounds and some eighty bytes: for networks whose ReLUs were replaced, and for others.
void choose_relu(Options& o, const Graph& graph) {
  constexpr std::uint64_t kMostBytes = 64 << 20;  // of a party's correlations for one image
  if (o.relu != "auto") {
    o.secure.relu = mpc::parse_relu_method(o.relu);
    return;
  }
  for (const auto method : {mpc::ReluMethod::dcf, mpc::ReluMethod::carry}) {
    o.secure.relu = method;
    if (mpc::SecureNetwork(graph, o.secure).demand(1).share_bytes(0) <= kMostBytes) return;
  }
}

int split(Options o) {
  o.secure.weights = mpc::parse_weight_mode(o.mode);
  nn::ModelInfo fallback;
  if (!o.dataset.name.empty()) fallback = info_of(o.dataset.load(data::Split::test));
  const LoadedModel model = o.model.load(fallback);
  require(model.info.mean.size() == std::size_t(model.info.image[-1]),
          "{} does not say which mean and deviation its images had; give --dataset",
          o.model.weights);
  choose_relu(o, model.graph);
  o.secure.check();
  const std::string name =
      o.name.empty() ? std::filesystem::path(o.model.weights).stem().string() : o.name;
  split_model(model.graph, model.info, o.secure, o.out, name);
  fmt::print("ReLUs by {}, weights {}\n", mpc::name_of(o.secure.relu), o.mode);
  fmt::print(
      "wrote {0}/party0, {0}/party1 and {0}/dealer: give each machine its folder, and no "
      "other\n",
      o.out);
  return 0;
}

int run(int argc, char** argv) {
  CLI::App app("Splits a model so that no machine of secure inference has more than it should.");
  Options o;
  o.model.add_to(app);
  o.dataset.add_to(app);
  app.add_option("--out", o.out, "folder for the three folders")->capture_default_str();
  app.add_option("--name", o.name, "what clients call it; default: the file's name");
  app.add_option("--mode", o.mode,
                 "who knows the weights: shared (nobody), owner (party 0), public (both)")
      ->capture_default_str();
  app.add_option("--relu", o.relu,
                 "protocol of ReLUs: dcf, dcf-select, carry, a2b; auto: dcf if there are few")
      ->capture_default_str();
  app.add_option("--range-bits", o.secure.range_bits,
                 "activations stay below 2^BITS; beyond, results are wrong")
      ->capture_default_str();
  app.add_option("--fraction-bits", o.secure.fraction_bits, "of images and activations")
      ->capture_default_str();
  if (!parse(app, argc, argv)) return 0;
  return split(std::move(o));
}

}  // namespace
}  // namespace hush::apps

int main(int argc, char** argv) {
  return hush::apps::run_main("pi_split", [&] { return hush::apps::run(argc, argv); });
}
