// Scores weights on a dataset: ./apps/evaluate --weights FILE --dataset cifar10
#include <cstdio>

#include "apps/common/command_line.h"
#include "apps/common/dataset_options.h"
#include "apps/common/interrupt.h"
#include "apps/common/logits_file.h"
#include "apps/common/metrics.h"
#include "apps/common/model_options.h"
#include "apps/common/progress.h"
#include "core/backend.h"
#include "nn/evaluation.h"

namespace hush::apps {
namespace {

struct Options {
  DatasetOptions dataset;
  ModelOptions model;
  DeviceOptions device;
  std::string split = "test", logits;
  std::int64_t batch = 200;
  bool json = false;
};

int evaluate(const Options& o) {
  const Device device = o.device.apply();
  const data::Dataset dataset =
      o.dataset.load(o.split == "train" ? data::Split::train : data::Split::test);
  const LoadedModel model = o.model.load(info_of(dataset));
  check_fits(model.info, dataset);

  data::LoaderOptions loader;
  loader.batch_size = o.batch;
  loader.mean = model.info.mean;
  loader.std = model.info.std;
  loader.threads = o.dataset.workers();
  LoaderSource batches(dataset, loader);
  std::unique_ptr<LogitsFile> logits;
  if (!o.logits.empty()) logits = std::make_unique<LogitsFile>(o.logits, model.info.classes);
  std::int64_t done = 0;
  Progress progress("evaluating", "images", double(dataset.count()));
  const nn::Score score = nn::evaluate_model(model.graph.copied_to(device), batches,
                                             [&](const nn::Batch& batch, const Tensor& values) {
                                               if (interrupted())
                                                 throw Error("interrupted; no result");
                                               if (logits) logits->append(values, batch.labels);
                                               done += batch.images.shape()[0];
                                               progress.update(double(done));
                                             });
  progress.clear();
  if (logits) logits->commit();

  if (o.json) {
    Json line = run_facts("evaluate", model.info, device);
    line.update({{"data", facts_of(dataset)},
                 {"weights", o.model.weights},
                 {"top1", score.accuracy()},
                 {"top5", score.top5_accuracy()},
                 {"loss", score.loss()}});
    fmt::print("{}\n", line.dump());
  } else {
    fmt::print("{} on {} {} ({} images): top-1 {:.2f} %  top-5 {:.2f} %  loss {:.4f}\n",
               model.info.model, dataset.name, o.split, score.images, 100 * score.accuracy(),
               100 * score.top5_accuracy(), score.loss());
  }
  return 0;
}

int run(int argc, char** argv) {
  CLI::App app("Scores a network on a dataset: top-1, top-5 and mean cross entropy.");
  Options o;
  o.dataset.name = "cifar10";
  o.model.add_to(app);
  o.dataset.add_to(app);
  app.add_option("--split", o.split)
      ->check(CLI::IsMember({"train", "test"}))
      ->capture_default_str();
  app.add_option("--batch", o.batch)->check(CLI::Range(1, 1 << 20))->capture_default_str();
  app.add_option("--logits", o.logits, "write every image's label and logits to this CSV file");
  app.add_flag("--json", o.json, "print the result as one JSON object");
  o.device.add_to(app);
  if (!parse(app, argc, argv)) return 0;
  catch_interrupts();
  return evaluate(o);
}

}  // namespace
}  // namespace hush::apps

int main(int argc, char** argv) {
  return hush::apps::run_main("evaluate", [&] { return hush::apps::run(argc, argv); });
}
