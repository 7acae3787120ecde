#include "apps/training/options.h"

#include <fmt/ranges.h>

#include "apps/common/metrics.h"
#include "apps/common/model_options.h"
#include "nn/models.h"

namespace hush::apps {

void TrainingOptions::add_to(CLI::App& app) {
  dataset.name = "cifar10";
  trainer.epochs = 40;
  trainer.optimizer.weight_decay = 5e-4f;
  dataset.add_to(app);
  app.add_option("--model", model, fmt::format("one of {}", fmt::join(nn::model_names(), ", ")))
      ->capture_default_str();
  add_activation_option(app, activation);
  app.add_option("--from", from, "start from the weights of this safetensors or .pth file");
  app.add_flag("--partial", partial,
               "load what fits of --from, say what does not: for other classes than it had");
  app.add_option("--out", out, "the model file; default runs/DATASET-MODEL.safetensors");
  app.add_flag("--resume", resume, "continue the run of --out bit for bit where it was saved");
  app.add_flag("--overwrite", overwrite, "start anew although --out exists");
  app.add_option("--epochs", trainer.epochs)->check(CLI::Range(1, 100000))->capture_default_str();
  app.add_option("--max-steps", trainer.max_steps, "stop after this many steps; 0: no limit")
      ->check(zero_or_more())
      ->capture_default_str();
  app.add_option("--batch", batch, "images per step")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  add_schedule(app);
  augment.add_to(app);
  app.add_flag("!--no-shuffle", shuffle, "images in the order of the dataset");
  app.add_flag("!--no-eval", evaluate, "do not score the test images after each epoch");
  app.add_option("--save-every", trainer.save_every,
                 "save every this many steps too; 0: after each epoch only")
      ->check(zero_or_more())
      ->capture_default_str();
  app.add_flag("--log-steps", log_steps, "print the loss of every step");
  app.add_option("--json", json, "metrics as JSON lines to this file; without a name, to stdout")
      ->expected(0, 1);
  app.add_option("--seed", trainer.seed)->capture_default_str();
  add_parallel(app);
  device.add_to(app);
  gpu.add_to(app);
}

void TrainingOptions::add_schedule(CLI::App& app) {
  app.add_option("--optimizer", optimizer)
      ->check(CLI::IsMember({"sgd", "adam", "adamw"}))
      ->capture_default_str();
  app.add_option("--lr", trainer.schedule.learning_rate, "learning rate")
      ->check(above_zero())
      ->capture_default_str();
  app.add_option("--momentum", trainer.optimizer.momentum)
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app.add_flag("--nesterov", trainer.optimizer.nesterov);
  app.add_option("--weight-decay", trainer.optimizer.weight_decay)
      ->check(zero_or_more())
      ->capture_default_str();
  app.add_flag("!--no-decay-norm", trainer.optimizer.decay_all,
               "no weight decay for batch norms and biases");
  app.add_option("--schedule", schedule, "of the learning rate")
      ->check(CLI::IsMember({"constant", "cosine", "step"}))
      ->capture_default_str();
  app.add_option("--milestones", trainer.schedule.milestones,
                 "step schedule: epochs at which the rate is multiplied by --gamma")
      ->delimiter(',');
  app.add_option("--gamma", trainer.schedule.gamma)->capture_default_str();
  app.add_option("--warmup", warmup_epochs, "epochs over which the rate rises from 0")
      ->check(zero_or_more())
      ->capture_default_str();
  app.add_option("--label-smoothing", trainer.label_smoothing)
      ->check(CLI::Range(0.0, 0.99))
      ->capture_default_str();
  app.add_option("--clip", trainer.clip_norm, "limit of the gradient's norm; 0: none")
      ->check(zero_or_more())
      ->capture_default_str();
}

void TrainingOptions::add_parallel(CLI::App& app) {
  nn::DataParallelOptions& parallel = trainer.parallel;
  app.add_flag(
      "--sync-batch-norm", parallel.sync_batch_norm,
      "under mpirun: batch norms see the whole batch, as in one process, not each rank its "
      "part");
  app.add_option("--ranks", ranks,
                 "compute what mpirun -n RANKS would, bit for bit, in this process")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  app.add_option("--bucket-mib", bucket_mib, "under mpirun: gradients are summed in such pieces")
      ->check(above_zero())
      ->capture_default_str();
  app.add_flag("!--no-overlap", parallel.overlap,
               "under mpirun: sum gradients after the backward pass, not during it");
}

std::filesystem::path output_path(const TrainingOptions& o) {
  std::filesystem::path path = o.out;
  if (path.empty()) path = fmt::format("runs/{}-{}.safetensors", o.dataset.name, o.model);
  const bool exists = std::filesystem::exists(path);
  require(!o.resume || std::filesystem::exists(nn::state_path(path)),
          "{}: nothing to resume; leave --resume out to begin", nn::state_path(path).string());
  require(o.resume || o.overwrite || !exists,
          "{} exists: continue it with --resume, begin anew with --overwrite, or choose another "
          "--out",
          path.string());
  prepare_folder(path);
  return path;
}

data::LoaderOptions loader_options(const TrainingOptions& o, const nn::ModelInfo& info,
                                   const Communicator& ranks, bool training) {
  data::LoaderOptions options;
  options.rank = ranks.rank();
  options.ranks = ranks.size();
  options.batch_size = training ? o.batch : std::max<std::int64_t>(o.batch, 100);
  options.shuffle = training && o.shuffle;
  options.mean = info.mean;
  options.std = info.std;
  options.seed = o.trainer.seed;
  options.threads = o.dataset.workers();
  if (training) options.augmentation = o.augment.augmentation();
  return options;
}

nn::Metadata recorded(const TrainingOptions& o) {
  const nn::TrainerOptions& t = o.trainer;
  nn::Metadata options{{"optimizer", o.optimizer},
                       {"schedule", o.schedule},
                       {"epochs", std::to_string(t.epochs)},
                       {"batch", std::to_string(o.batch)},
                       {"lr", fmt::format("{}", t.schedule.learning_rate)},
                       {"momentum", fmt::format("{}", t.optimizer.momentum)},
                       {"nesterov", t.optimizer.nesterov ? "yes" : "no"},
                       {"weight_decay", fmt::format("{}", t.optimizer.weight_decay)},
                       {"decay_norm", t.optimizer.decay_all ? "yes" : "no"},
                       {"milestones", fmt::format("{}", fmt::join(t.schedule.milestones, ","))},
                       {"gamma", fmt::format("{}", t.schedule.gamma)},
                       {"warmup", fmt::format("{}", o.warmup_epochs)},
                       {"label_smoothing", fmt::format("{}", t.label_smoothing)},
                       {"clip", fmt::format("{}", t.clip_norm)},
                       {"augment", o.augment.text()},
                       {"shuffle", o.shuffle ? "yes" : "no"},
                       {"from", o.from},
                       {"act", o.activation},
                       {"seed", std::to_string(t.seed)}};
  o.gpu.record(options);
  return options;
}

parallel::Facts command_facts(const TrainingOptions& o) {
  const nn::DataParallelOptions& parallel = o.trainer.parallel;
  parallel::Facts facts{{"dataset", o.dataset.name},
                        {"model", o.model},
                        {"max-steps", std::to_string(o.trainer.max_steps)},
                        {"save-every", std::to_string(o.trainer.save_every)},
                        {"evaluation", o.evaluate ? "on" : "off"},
                        {"partial", o.partial ? "yes" : "no"},
                        {"resume", o.resume ? "yes" : "no"},
                        {"sync-batch-norm", parallel.sync_batch_norm ? "yes" : "no"},
                        {"cuda-graph", o.gpu.cuda_graph},
                        {"bucket-mib", fmt::format("{}", o.bucket_mib)}};
  for (const auto& [name, value] : recorded(o)) facts.emplace_back(name, value);
  return facts;
}

}  // namespace hush::apps
