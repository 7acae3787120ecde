#include "apps/plots/figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "apps/plots/published.h"

namespace hush::apps {
namespace {

// What can be told apart in one plot.
constexpr std::size_t kMostSeries = 12;

using Points = std::vector<std::pair<double, double>>;

// t_h is autorep's only.
std::string method_title(const RunRecord& run) {
  return fmt::format("{} {}{}", run.method, run.polynomial,
                     run.method == "autorep" ? ", t_h " + run.threshold : "");
}

std::string run_title(const RunRecord& run) {
  return fmt::format("{}K, {}", double(run.budget) / 1000, method_title(run));
}

std::string length_of(const RunRecord& run) {
  return fmt::format("{} epoch{}{}", run.planned_epochs, run.planned_epochs == 1 ? "" : "s",
                     run.images == "all" ? "" : " of " + run.images + " images");
}

void add_series(Plot& plot, std::map<std::string, Points>&& by_title) {
  for (auto& [title, points] : by_title) {
    if (plot.series.size() == kMostSeries) return;
    std::ranges::sort(points);
    plot.series.push_back({title, std::move(points)});
  }
}

Plot accuracy_plot(const std::vector<RunRecord>& runs, const std::string& dataset) {
  Plot plot{.name = "accuracy-" + dataset,
            .title = "Accuracy against ReLU budget, " + dataset,
            .x_label = "ReLUs (thousands)",
            .y_label = "test accuracy (%)",
            .log_x = true};
  std::map<std::string, Points> ours;
  for (const RunRecord& run : runs)
    if (run.dataset == dataset && run.finished && run.accuracy() >= 0)
      ours[fmt::format("{}, {}, {}", run.model, method_title(run), length_of(run))].push_back(
          {double(run.budget) / 1000, 100 * run.accuracy()});
  for (const RunRecord& run : runs)
    if (run.dataset == dataset && run.start_accuracy > 0)
      ours[run.model + ", all ReLUs"] = {{double(run.total) / 1000, 100 * run.start_accuracy}};
  add_series(plot, std::move(ours));
  if (plot.series.empty()) return plot;
  std::map<std::string, Points> published;
  for (const PublishedPoint& point : published_points())
    if (point.dataset == dataset)
      published[std::string(point.series) + " (published)"].push_back(
          {point.kilo_relus, point.accuracy});
  for (auto& [title, points] : published)
    plot.series.push_back({title, points, points.size() > 1, true});
  return plot;
}

Plot layers_plot(const std::vector<RunRecord>& runs) {
  Plot plot{.name = "layers",
            .title = "ReLUs left per layer",
            .x_label = "",
            .y_label = "share left (%)"};
  for (const RunRecord& run : runs) {
    if (!run.finished || run.epochs.empty() || plot.series.size() == kMostSeries) continue;
    if (plot.x_names.empty()) plot.x_names = run.layers;
    const std::vector<std::int64_t>& left = run.epochs.back().by_layer;
    if (run.layers != plot.x_names || left.size() != run.layer_relus.size()) continue;
    Series series{.title = run_title(run), .points = {}};
    for (std::size_t i = 0; i < left.size(); ++i)
      series.points.push_back(
          {double(i),
           100 * double(left[i]) / double(std::max<std::int64_t>(1, run.layer_relus[i]))});
    plot.series.push_back(std::move(series));
  }
  return plot;
}

Plot flips_plot(const std::vector<RunRecord>& runs) {
  Plot plot{.name = "flips",
            .title = "Indicator flips per epoch",
            .x_label = "epoch",
            .y_label = "flips + 1",
            .log_y = true};
  std::size_t epochs = 0;
  std::map<std::string, Points> by_title;
  for (const RunRecord& run : runs)
    if (run.method == "autorep" && run.finished) {
      epochs = std::max(epochs, run.epochs.size());
      for (const EpochRecord& epoch : run.epochs)
        by_title[fmt::format("{}, mu {}, {}, seed {}", run_title(run), run.penalty, length_of(run),
                             run.seed)]
            .push_back({double(epoch.epoch), double(epoch.flips + 1)});
    }
  plot.whole_x = epochs <= 20;
  add_series(plot, std::move(by_title));
  return plot;
}

Plot penalty_plot(const std::vector<RunRecord>& runs) {
  Plot plot{.name = "mu",
            .title = "Sensitivity to the weight of the penalty",
            .x_label = "mu",
            .y_label = "test accuracy (%)",
            .log_x = true};
  std::map<std::string, Points> by_title;
  for (const RunRecord& run : runs)
    if (run.finished && run.accuracy() >= 0 && std::stod("0" + run.penalty) > 0)
      by_title[run_title(run) + ", " + run.dataset].push_back(
          {std::stod(run.penalty), 100 * run.accuracy()});
  std::erase_if(by_title, [](const auto& entry) {
    return std::ranges::all_of(
        entry.second, [&](const auto& point) { return point.first == entry.second.front().first; });
  });
  add_series(plot, std::move(by_title));
  return plot;
}

Plot polynomial_plot(const std::vector<RunRecord>& runs) {
  Plot plot{.name = "polynomials",
            .title = "Error of the polynomials on the measured inputs",
            .x_label = "",
            .y_label = "rms error / rms of ReLU",
            .log_y = true};
  for (const RunRecord& run : runs) {
    if (run.polynomial_error.empty() || run.polynomial_error.size() != run.layers.size()) continue;
    plot.title += fmt::format(", {} on {}", run.model, run.dataset);
    plot.x_names = run.layers;
    for (std::size_t kind = 0; kind < kPolynomials.size(); ++kind) {
      Series series{.title = kPolynomials[kind], .points = {}};
      for (std::size_t i = 0; i < run.layers.size(); ++i)
        series.points.push_back({double(i), run.polynomial_error[i][kind]});
      plot.series.push_back(std::move(series));
    }
    break;  // it is measured before training: one run of a network tells it all
  }
  return plot;
}

}  // namespace

std::vector<Plot> make_figures(const std::vector<RunRecord>& runs) {
  std::vector<std::string> datasets;
  for (const RunRecord& run : runs)
    if (std::ranges::count(datasets, run.dataset) == 0) datasets.push_back(run.dataset);
  std::vector<Plot> plots;
  plots.reserve(datasets.size() + 4);
  for (const std::string& dataset : datasets) plots.push_back(accuracy_plot(runs, dataset));
  for (Plot& plot :
       std::vector{layers_plot(runs), flips_plot(runs), penalty_plot(runs), polynomial_plot(runs)})
    plots.push_back(std::move(plot));
  std::erase_if(plots, [](const Plot& plot) { return plot.series.empty(); });
  return plots;
}

}  // namespace hush::apps
