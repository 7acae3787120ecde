// Shows what a model or a dataset is made of: ./apps/inspect --weights FILE
#include <fmt/ranges.h>

#include "apps/common/command_line.h"
#include "apps/common/dataset_options.h"
#include "apps/common/json_lines.h"
#include "apps/common/model_options.h"
#include "nn/models.h"

namespace hush::apps {
namespace {

struct Options {
  DatasetOptions dataset;
  ModelOptions model;
  int classes = 10;
  std::vector<std::int64_t> image = {32, 32, 3};
  bool json = false;
};

// Parameters that a node is the first to use.
std::vector<std::int64_t> parameters_by_node(const Graph& graph) {
  std::vector<std::int64_t> result(std::size_t(graph.size()));
  std::vector<bool> seen(std::size_t(graph.size()));
  for (NodeId id = 0; id < graph.size(); ++id)
    for (const NodeId input : graph[id].inputs) {
      if (graph[input].kind == NodeKind::parameter && !seen[std::size_t(input)])
        result[std::size_t(id)] += graph[input].value.elements();
      seen[std::size_t(input)] = true;
    }
  return result;
}

void print_table(const Graph& graph) {
  const std::vector<Shape> shapes = graph.shapes();
  const std::vector<OpCount> counts = graph.counts();
  const std::vector<std::int64_t> parameters = parameters_by_node(graph);
  fmt::print("{:28} {:16} {:20} {:>11} {:>14} {:>9}\n", "layer", "op", "output (one image)",
             "parameters", "MACs", "ReLUs");
  for (NodeId id = 0; id < graph.size(); ++id) {
    const auto i = std::size_t(id);
    if (graph[id].kind != NodeKind::op) continue;
    fmt::print("{:28} {:16} {:20} {:11} {:14} {:9}\n", graph[id].name, graph[id].op->name(),
               shapes[i].text(), parameters[i], counts[i].macs, counts[i].relus);
  }
}

void print_info(const nn::ModelInfo& info) {
  if (!info.dataset.empty()) fmt::print("dataset     {}\n", info.dataset);
  if (!info.mean.empty())
    fmt::print("pixels      mean {:.4f}  std {:.4f}\n", fmt::join(info.mean, " "),
               fmt::join(info.std, " "));
  if (!info.replacement.empty())
    fmt::print("replaced    by {}, budget {} ReLUs\n", info.replacement, info.budget);
  if (info.epoch > 0) fmt::print("epochs      {}\n", info.epoch);
  if (!info.revision.empty()) fmt::print("revision    {}\n", info.revision);
  for (const auto& [name, value] : info.options)
    if (!value.empty()) fmt::print("{:11} {}\n", name, value);
}

void inspect_model(const Options& o) {
  nn::ModelInfo given;
  given.model = o.model.model;
  given.activation = o.model.activation;
  given.classes = o.classes;
  require(o.image.size() == 3, "--image takes height, width and channels, such as 32,32,3");
  given.image = {1, o.image[0], o.image[1], o.image[2]};
  LoadedModel model;
  if (o.model.weights.empty())
    model = {nn::make_network(given), given};
  else
    model = o.model.load(given);
  const OpCount total = model.graph.count();
  if (o.json) {
    const Json line = {{"model", model.info.model},
                       {"classes", model.info.classes},
                       {"parameters", model.graph.parameter_count()},
                       {"macs", total.macs},
                       {"relus", total.relus},
                       {"replacement", model.info.replacement},
                       {"budget", model.info.budget},
                       {"weights_sha256", nn::weights_digest(model.graph)}};
    fmt::print("{}\n", line.dump());
    return;
  }
  print_table(model.graph);
  fmt::print("\n{}: {}\n", model.info.model, nn::model_description(model.info.model));
  print_info(model.info);
  fmt::print("total       {} parameters, {} MACs, {} ReLUs\n", model.graph.parameter_count(),
             total.macs, total.relus);
}

void inspect_dataset(const DatasetOptions& options) {
  for (const data::Split split : {data::Split::train, data::Split::test}) {
    const data::Dataset d = options.load(split);
    fmt::print("{} {}: {} images of {}×{}×{}, {} classes, from {}\n  sha256 {}\n", d.name,
               data::name_of(split), d.count(), d.height, d.width, d.channels, d.classes(),
               d.source.string(), d.digest());
  }
}

int run(int argc, char** argv) {
  CLI::App app(
      "Shows a model's layers, shapes, parameters, MACs and ReLUs; or what a dataset holds.");
  Options o;
  o.model.add_to(app);
  o.dataset.add_to(app);
  app.add_option("--classes", o.classes, "where no weights say it")->capture_default_str();
  app.add_option("--image", o.image, "height, width, channels, where no weights say it")
      ->delimiter(',')
      ->capture_default_str();
  app.add_flag("--json", o.json, "print the totals as one JSON object");
  if (!parse(app, argc, argv)) return 0;
  const bool wants_model = !o.model.model.empty() || !o.model.weights.empty();
  require(wants_model || !o.dataset.name.empty(),
          "what is to be inspected? give --weights FILE, --model NAME or --dataset NAME");
  if (wants_model) inspect_model(o);
  if (!o.dataset.name.empty()) inspect_dataset(o.dataset);
  return 0;
}

}  // namespace
}  // namespace hush::apps

int main(int argc, char** argv) {
  return hush::apps::run_main("inspect", [&] { return hush::apps::run(argc, argv); });
}
