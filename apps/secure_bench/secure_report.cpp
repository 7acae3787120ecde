#include "apps/secure_bench/secure_report.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "mpc/secure/latency.h"

namespace hush::apps {
namespace {

std::size_t first_class(std::span<const float> logits) {
  return std::size_t(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  return values[values.size() / 2];
}

Times times_of(const RunResult& run, std::int64_t batch, double QueryResult::*member) {
  std::vector<double> all;
  for (const QueryResult& query : run.queries)
    if (query.images == std::min(batch, run.queries.front().images)) all.push_back(query.*member);
  return {*std::ranges::min_element(all), median(all)};
}

double megabytes(double bytes) {
  return bytes / 1e6;
}
double a_party(const mpc::Cost& cost) {
  return double(cost.bytes_sent[0] + cost.bytes_sent[1]) / 2;
}

const char* provider_text(Provider provider) {
  switch (provider) {
    case Provider::dealer:
      return "a dealer in a process of its own";
    case Provider::client:
      return "the client (client-aided)";
    case Provider::ot:
      return "oblivious transfer between the parties";
  }
  return "";
}

void print_networks(const SecurePlan& plan, const SecureResult& result) {
  fmt::print("\n{:<52}{:>10}{:>10}{:>11}{:>8}{:>12}{:>11}\n", "online, one query", "median", "best",
             "predicted", "rounds", "MB a party", "CPU");
  for (std::size_t i = 0; i < plan.runs.size(); ++i) {
    const NetworkRun& run = plan.runs[i];
    const Times times = online_times(result.runs[i], plan.batch);
    const QueryResult& query = result.runs[i].queries.front();
    std::vector<double> cpu;
    for (const QueryResult& q : result.runs[i].queries) cpu.push_back(q.cpu);
    const double predicted = mpc::predict_latency(*plan.network, plan.batch, run.network).total();
    fmt::print("{:<52}{:>7.1f} ms{:>7.1f} ms{:>8.1f} ms{:>8}{:>12.2f}{:>8.1f} ms\n",
               run.network ? fmt::format("{}: {}", run.name, run.network->text()) : run.name,
               1e3 * times.median, 1e3 * times.best, 1e3 * predicted, query.cost.rounds,
               megabytes(a_party(query.cost)), 1e3 * median(cpu));
  }
}

void print_operators(const SecurePlan& plan, const SecureResult& result) {
  const auto rows = operators_of(*plan.network, plan.batch, result.runs[0]);
  double total = 0;
  for (const OperatorRow& row : rows) total += row.seconds;
  fmt::print("\n{:<24}{:>7}{:>12}{:>8}{:>13}{:>12}{:>8}\n", plan.runs[0].name + ", by operator",
             "steps", "elements", "rounds", "MB a party", "median", "share");
  for (const OperatorRow& row : rows)
    fmt::print("{:<24}{:>7}{:>12}{:>8}{:>13.2f}{:>9.2f} ms{:>6.0f} %\n", row.kind, row.steps,
               row.elements, row.cost.rounds, megabytes(a_party(row.cost)), 1e3 * row.seconds,
               100 * row.seconds / total);
}

// Each group of steps that share messages, in order: what it took party 0.
Json groups_json(const SecurePlan& plan, const RunResult& run) {
  Json groups = Json::array();
  for (std::size_t mark = 0; mark < 2 * plan.network->waves().size(); ++mark) {
    const mpc::Wave& wave = plan.network->waves()[mark / 2];
    const auto& steps = mark % 2 == 0 ? wave.local : wave.interactive;
    if (steps.empty()) continue;
    std::vector<std::string> names;
    names.reserve(steps.size());
    for (const mpc::Step* step : steps) names.push_back(step->name());
    std::vector<double> seconds;
    seconds.reserve(run.queries.size());
    for (const QueryResult& query : run.queries)
      seconds.push_back(query.marks[mark] - (mark == 0 ? 0 : query.marks[mark - 1]));
    groups.push_back({{"steps", names},
                      {"seconds", median(seconds)},
                      {"best_seconds", *std::ranges::min_element(seconds)}});
  }
  return groups;
}

// What others need for the same network, where a figure is known.
void print_peers(const Subject& subject, const SecurePlan& plan) {
  if (subject.info.model != "resnet18" || plan.batch != 1 || subject.info.image[1] != 32) return;
  const auto counts = plan.network->counts();
  const bool open = plan.network->options().weights == mpc::WeightMode::open;
  fmt::print(
      "\nfor comparison, ResNet-18 on 32 x 32 images, batch 1, online, quoted and not run "
      "here:\n");
  const auto line = [](const char* what, const char* figures) {
    fmt::print("  {:<66}{}\n", what, figures);
  };
  if (counts.polynomials == 0)
    line(open ? "CrypTen 0.4.0, 2 local processes, all ReLUs, public weights"
              : "CrypTen 0.4.0, 2 local processes, all ReLUs, shared weights",
         open ? "880 ms  144 rounds  114.0 MB" : "1390 ms  165 rounds  208.7 MB");
  else if (counts.relus == 0)
    line("CrypTen 0.4.0, 2 local processes, all polynomial, public weights",
         "240 ms   16 rounds    3.9 MB");
  else
    line(open ? "CrypTen 0.4.0, 2 local processes, 12.9K ReLUs, public weights"
              : "CrypTen 0.4.0, 2 local processes, 12.9K ReLUs, shared weights",
         open ? "730 ms  160 rounds    6.9 MB" : "1170 ms  181 rounds  101.6 MB");
  if (counts.polynomials != 0 && counts.relus != 0)
    line("AutoReP (ICCV 2023), two GPU servers, 12.9K ReLUs", "170 ms");
}

}  // namespace

Agreement agreement_of(const Subject& subject, const Tensor& logits) {
  Agreement a;
  a.images = logits.shape()[0];
  const auto classes = std::size_t(logits.shape()[1]);
  for (std::size_t i = 0; i < std::size_t(a.images); ++i) {
    const auto clear = subject.logits.values<float>().subspan(i * classes, classes);
    const auto secure = logits.values<float>().subspan(i * classes, classes);
    double error = 0;
    for (std::size_t k = 0; k < classes; ++k)
      error = std::max(error, std::abs(double(clear[k]) - double(secure[k])));
    a.largest_error = std::max(a.largest_error, error);
    a.catastrophic += error > 1 ? 1 : 0;
    a.agree += first_class(clear) == first_class(secure) ? 1 : 0;
    if (subject.labels.empty()) continue;
    const auto label = std::size_t(subject.labels[i]);
    a.clear_right += first_class(clear) == label ? 1 : 0;
    a.secure_right += first_class(secure) == label ? 1 : 0;
  }
  return a;
}

std::vector<OperatorRow> operators_of(const mpc::SecureNetwork& network, std::int64_t batch,
                                      const RunResult& run) {
  std::vector<OperatorRow> rows;
  std::map<std::string, std::vector<double>> seconds;  // by kind, one for each query
  const auto row_of = [&](const std::string& kind) -> OperatorRow& {
    for (OperatorRow& row : rows)
      if (row.kind == kind) return row;
    OperatorRow row;
    row.kind = kind;
    rows.push_back(row);
    return rows.back();
  };
  for (std::size_t w = 0; w < network.waves().size(); ++w) {
    const mpc::Wave& wave = network.waves()[w];
    for (const bool interactive : {false, true}) {
      const auto& steps = interactive ? wave.interactive : wave.local;
      if (steps.empty()) continue;
      // Steps that share a message count as the largest of them.
      const mpc::Step* largest = *std::ranges::max_element(
          steps, {}, [](const mpc::Step* step) { return step->elements(); });
      const std::string kind(largest->kind());
      OperatorRow& row = row_of(kind);
      row.steps += std::int64_t(steps.size());
      for (const mpc::Step* step : steps) row.elements += batch * step->elements();
      if (interactive) row.cost = row.cost + network.cost(wave, batch);
      auto& all = seconds[kind];
      all.resize(run.queries.size());
      for (std::size_t q = 0; q < run.queries.size(); ++q) {
        const std::size_t mark = 2 * w + (interactive ? 1 : 0);
        const auto& marks = run.queries[q].marks;
        all[q] += marks[mark] - (mark == 0 ? 0 : marks[mark - 1]);
      }
    }
  }
  for (OperatorRow& row : rows) row.seconds = median(seconds[row.kind]);
  return rows;
}

Times online_times(const RunResult& run, std::int64_t batch) {
  return times_of(run, batch, &QueryResult::online);
}
Times offline_times(const RunResult& run, std::int64_t batch) {
  return times_of(run, batch, &QueryResult::offline);
}

void print_secure_report(const Subject& subject, const SecurePlan& plan,
                         const SecureResult& result) {
  const auto counts = plan.network->counts();
  fmt::print("{}, {} ReLUs and {} polynomials, {:.3f} GMAC; {}\n", subject.info.model, counts.relus,
             counts.polynomials, double(counts.macs) / 1e9, subject.origin);
  fmt::print("{}; correlations by {}; {} thread{} a party; batch {}\n",
             plan.network->options().text(), provider_text(plan.provider), plan.threads,
             plan.threads == 1 ? "" : "s", plan.batch);
  print_networks(plan, result);
  print_operators(plan, result);

  const Times offline = offline_times(result.runs[0], plan.batch);
  const mpc::Demand demand = plan.network->demand(plan.batch);
  fmt::print("\noffline, one query: {:.1f} ms; {:.2f} MB of correlations a party, {:.2f} MB sent\n",
             1e3 * offline.median, megabytes(double(demand.share_bytes(0))),
             megabytes(result.runs[0].queries.front().offline_bytes));
  fmt::print("once a model: {:.1f} ms; {:.2f} MB a party to open masked weights\n",
             1e3 * result.set_up, megabytes(a_party(result.set_up_cost)));
  fmt::print("memory: {:.0f} MB at most a party\n", megabytes(result.peak_memory));

  const Agreement a = agreement_of(subject, result.runs[0].logits);
  fmt::print(
      "\n{} {}: {} agree with the clear ({:.2f} %), largest logit error {:.2g}, {} "
      "catastrophic\n",
      a.images, subject.pictures, a.agree, 100 * double(a.agree) / double(a.images),
      a.largest_error, a.catastrophic);
  if (!subject.labels.empty())
    fmt::print("accuracy: {:.2f} % on shares, {:.2f} % in the clear\n",
               100 * double(a.secure_right) / double(a.images),
               100 * double(a.clear_right) / double(a.images));
  print_peers(subject, plan);
}

Json plan_json(const Subject& subject, const SecurePlan& plan) {
  const auto counts = plan.network->counts();
  return {{"model", subject.info.model},
          {"origin", subject.origin},
          {"relus", counts.relus},
          {"polynomials", counts.polynomials},
          {"macs", counts.macs},
          {"options", plan.network->options().text()},
          {"provider", provider_text(plan.provider)},
          {"threads_a_party", plan.threads},
          {"batch", plan.batch},
          {"pictures", subject.pictures},
          {"first_image", subject.first},
          {"images", subject.images.shape()[0]}};
}

Json result_json(const Subject& subject, const SecurePlan& plan, const SecureResult& result) {
  const Agreement a = agreement_of(subject, result.runs[0].logits);
  const mpc::Demand demand = plan.network->demand(plan.batch);
  Json json = {{"offline_seconds", offline_times(result.runs[0], plan.batch).median},
               {"offline_bytes", result.runs[0].queries.front().offline_bytes},
               {"correlation_bytes_a_party", demand.share_bytes(0)},
               {"set_up_seconds", result.set_up},
               {"peak_bytes_a_party", result.peak_memory},
               {"agree", a.agree},
               {"largest_logit_error", a.largest_error},
               {"catastrophic", a.catastrophic}};
  if (!subject.labels.empty()) {
    json["accuracy"] = double(a.secure_right) / double(a.images);
    json["clear_accuracy"] = double(a.clear_right) / double(a.images);
  }
  for (std::size_t i = 0; i < plan.runs.size(); ++i) {
    const Times times = online_times(result.runs[i], plan.batch);
    const mpc::Cost& cost = result.runs[i].queries.front().cost;
    json["networks"].push_back(
        {{"name", plan.runs[i].name},
         {"emulated", plan.runs[i].network ? plan.runs[i].network->text() : ""},
         {"predicted",
          mpc::predict_latency(*plan.network, plan.batch, plan.runs[i].network).total()},
         {"online_median", times.median},
         {"online_best", times.best},
         {"rounds", cost.rounds},
         {"bytes_party0", cost.bytes_sent[0]},
         {"bytes_party1", cost.bytes_sent[1]}});
  }
  for (const OperatorRow& row : operators_of(*plan.network, plan.batch, result.runs[0]))
    json["operators"].push_back({{"kind", row.kind},
                                 {"steps", row.steps},
                                 {"elements", row.elements},
                                 {"rounds", row.cost.rounds},
                                 {"bytes_party0", row.cost.bytes_sent[0]},
                                 {"seconds", row.seconds}});
  json["groups"] = groups_json(plan, result.runs[0]);
  return json;
}

}  // namespace hush::apps
