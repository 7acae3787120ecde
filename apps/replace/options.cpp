#include "apps/replace/options.h"

#include <fmt/ranges.h>

#include "nn/models.h"

namespace hush::apps {
namespace {

void add_training_options(CLI::App& app, AutorepOptions& o) {
  nn::ReplacementOptions& r = o.replacement;
  app.add_option("--epochs", r.epochs)->check(CLI::Range(1, 100000))->capture_default_str();
  app.add_option("--max-steps", r.max_steps, "stop after this many steps; 0: no limit")
      ->check(zero_or_more())
      ->capture_default_str();
  app.add_option("--batch", o.batch, "images per step")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  app.add_option("--lr", r.weight_rate, "learning rate of the weights (Adam, cosine)")
      ->check(above_zero())
      ->capture_default_str();
  app.add_option("--indicator-lr", r.indicator_rate,
                 "learning rate of the indicators (Adam, cosine); 0: 0.001, or more where the "
                 "ramp has too few steps for it")
      ->check(zero_or_more())
      ->capture_default_str();
  app.add_option("--ramp", r.ramp_end, "share of the steps after which the budget is aimed at")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app.add_option("--freeze", r.freeze_at,
                 "share of the steps after which the indicators are projected and stay")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app.add_flag("!--moving-norms", r.fix_norms,
               "after freezing, go on with each batch's statistics instead of fixed ones");
  app.add_option("--calibration", r.calibration_batches,
                 "training batches from which statistics are measured")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  app.add_option("--clip", r.clip_norm, "limit of the gradient's norm; 0: none")
      ->check(zero_or_more())
      ->capture_default_str();
  app.add_flag("!--no-distill", r.distill, "cross entropy only, no teacher");
  app.add_option("--temperature", r.temperature, "of the distillation")
      ->check(above_zero())
      ->capture_default_str();
  app.add_option("--lookahead", r.lookahead, "lookahead optimizer with this many steps; 0: none")
      ->check(zero_or_more())
      ->capture_default_str();
  app.add_option("--label-smoothing", r.label_smoothing)
      ->check(CLI::Range(0.0, 0.99))
      ->capture_default_str();
  o.augment.add_to(app);
  app.add_option("--images", o.images, "train on the first N training images only; 0: all")
      ->check(zero_or_more())
      ->capture_default_str();
  app.add_option("--holdout", o.holdout,
                 "leave out the last N training images and score these, not the test images: for "
                 "choosing options")
      ->check(zero_or_more())
      ->capture_default_str();
  app.add_flag("!--no-eval", o.evaluate, "do not score the test images after each epoch");
  app.add_option("--save-every", r.save_every,
                 "save every this many steps too; 0: after each epoch only")
      ->check(zero_or_more())
      ->capture_default_str();
}

void add_polynomial_options(CLI::App& app, AutorepOptions& o) {
  nn::PolynomialChoice& p = o.replacement.polynomial;
  app.add_option("--dapa", o.dapa, "fixed: from the running statistics; trainable: trained on")
      ->check(CLI::IsMember({"fixed", "trainable"}))
      ->capture_default_str();
  app.add_option("--branch-scale", p.branch.quadratic_scale,
                 "dapa2: share of the best x^2 coefficient behind a batch norm")
      ->check(zero_or_more())
      ->capture_default_str();
  app.add_option("--stream-scale", p.stream.quadratic_scale,
                 "dapa2: the same behind a residual sum")
      ->check(zero_or_more())
      ->capture_default_str();
  app.add_option("--quadratic-limit", p.branch.quadratic_limit,
                 "dapa2: the x^2 coefficient is at most this")
      ->check(zero_or_more())
      ->capture_default_str();
  app.add_option(
         "--tail-limit", p.branch.tail_limit,
         "dapa2: when indicators freeze, the x^2 coefficient times the largest magnitude in "
         "a batch is made at most this; inf: no limit")
      ->check(zero_or_more())
      ->capture_default_str();
}

}  // namespace

void AutorepRequest::add_to(CLI::App& app) {
  common.dataset.name = "cifar10";
  common.dataset.add_to(app);
  app.add_option("--model", common.model,
                 fmt::format("one of {}; by default resnet20, or what --from names",
                             fmt::join(nn::model_names(), ", ")));
  app.add_option("--from", common.from,
                 "the trained network, a safetensors file; by default the newest in runs/ of that "
                 "dataset and model");
  app.add_option("--budget", budgets, "how many ReLUs may stay; with --sweep a list: 20000,4000")
      ->delimiter(',');
  app.add_option("--method", methods,
                 fmt::format("which ones stay: {}", fmt::join(nn::method_names(), ", ")))
      ->delimiter(',')
      ->capture_default_str();
  app.add_option(
         "--poly", polynomials,
         fmt::format("what replaces the others: {}", fmt::join(nn::polynomial_names(), ", ")))
      ->delimiter(',')
      ->capture_default_str();
  app.add_option("--th", thresholds, "autorep: half-width of the hysteresis")
      ->delimiter(',')
      ->check(zero_or_more())
      ->capture_default_str();
  app.add_option("--mu", penalties, "autorep, snl: weight of the penalty on the share of ReLUs")
      ->delimiter(',')
      ->check(zero_or_more())
      ->capture_default_str();
  app.add_option("--seed", seeds)->delimiter(',')->capture_default_str();
  app.add_flag("--sweep", sweep,
               "a run for each combination of the six lists above; runs that are done are passed "
               "over and others go on, so that the same command continues a sweep");
  app.add_option("--candidates", common.replacement.mask.candidates, "bcd: blocks tried at a time")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  add_polynomial_options(app, common);
  add_training_options(app, common);
  app.add_option("--out", common.out,
                 "the model file, with --sweep the folder of all; default runs/DATASET-MODEL-"
                 "METHOD-POLY-BUDGET.safetensors, with --sweep runs/sweep-DATASET-MODEL");
  app.add_flag("--resume", common.resume, "continue the run of --out bit for bit");
  app.add_flag("--overwrite", common.overwrite, "start anew although --out exists");
  app.add_flag("--log-steps", common.log_steps, "print the loss and the ReLU count of every step");
  app.add_option("--json", common.json,
                 "metrics as JSON lines to this file; without a name, to stdout")
      ->expected(0, 1);
  common.device.add_to(app);
  common.gpu.add_to(app);
}

std::vector<AutorepOptions> AutorepRequest::runs() const {
  require(!budgets.empty(), "how many ReLUs may stay? give --budget N");
  std::vector<AutorepOptions> result;
  for (const std::int64_t budget : budgets)
    for (const std::string& method : methods)
      for (const std::string& polynomial : polynomials)
        for (const double threshold : thresholds)
          for (const double penalty : penalties)
            for (const std::uint64_t seed : seeds) {
              AutorepOptions run = common;
              nn::ReplacementOptions& r = run.replacement;
              run.method = method;
              run.polynomial = polynomial;
              r.budget = budget;
              r.mask.method = nn::parse_method(method);
              r.mask.threshold = threshold;
              r.mask.penalty = penalty;
              r.mask.seed = r.seed = seed;
              r.polynomial.kind = nn::parse_polynomial_kind(polynomial);
              r.polynomial.stream.quadratic_limit = r.polynomial.branch.quadratic_limit;
              r.polynomial.stream.tail_limit = r.polynomial.branch.tail_limit;
              r.train_coefficients = run.dapa == "trainable";
              result.push_back(std::move(run));
            }
  require(sweep || result.size() == 1,
          "{} runs are asked for by lists of options; give --sweep for that", result.size());
  return result;
}

nn::Metadata AutorepOptions::recorded() const {
  const nn::ReplacementOptions& r = replacement;
  const auto number = [](double x) { return fmt::format("{}", x); };
  nn::Metadata options{{"method", method},
                       {"poly", polynomial},
                       {"dapa", dapa},
                       {"branch_scale", number(r.polynomial.branch.quadratic_scale)},
                       {"stream_scale", number(r.polynomial.stream.quadratic_scale)},
                       {"quadratic_limit", number(r.polynomial.branch.quadratic_limit)},
                       {"tail_limit", number(r.polynomial.branch.tail_limit)},
                       {"th", number(r.mask.threshold)},
                       {"mu", number(r.mask.penalty)},
                       {"candidates", std::to_string(r.mask.candidates)},
                       {"epochs", std::to_string(r.epochs)},
                       {"batch", std::to_string(batch)},
                       {"lr", number(r.weight_rate)},
                       {"indicator_lr", number(r.indicator_rate)},
                       {"ramp", number(r.ramp_end)},
                       {"freeze", number(r.freeze_at)},
                       {"norms", r.fix_norms ? "fixed" : "moving"},
                       {"calibration", std::to_string(r.calibration_batches)},
                       {"clip", number(r.clip_norm)},
                       {"distill", r.distill ? fmt::format("temperature {}", r.temperature) : "no"},
                       {"lookahead", std::to_string(r.lookahead)},
                       {"label_smoothing", fmt::format("{}", r.label_smoothing)},
                       {"images", images > 0 ? std::to_string(images) : "all"},
                       {"holdout", std::to_string(holdout)},
                       {"augment", augment.text()},
                       {"budget", std::to_string(r.budget)},
                       {"from", from},
                       {"seed", std::to_string(r.seed)}};
  gpu.record(options);
  return options;
}

std::string AutorepOptions::label() const {
  return fmt::format("{}-{}-{}", method, polynomial, replacement.budget);
}

}  // namespace hush::apps
