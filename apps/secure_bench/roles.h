// The processes of an end-to-end benchmark and what they say to each other: two parties, a client
// that owns images and model, and a dealer.
//
// For each query, in this order: the parties get correlations (from the dealer, the client, or each
// other), the client sends shares of the images, both parties meet, infer, and send the client
// their shares of the logits with what it took them.
#pragma once

#include <filesystem>
#include <vector>

#include "apps/microbench/links.h"
#include "apps/microbench/measure.h"
#include "mpc/offline/ot_provider.h"
#include "mpc/secure/model.h"
#include "mpc/secure/ranges.h"

namespace hush::apps {

enum class Provider { dealer, client, ot };

// The same number of queries over one network; the first uses the parties' main connection.
struct NetworkRun {
  std::string name;
  std::optional<mpc::NetworkModel> network;
  std::int64_t images = 0;
};

struct SecurePlan {
  const mpc::SecureNetwork* network = nullptr;
  Provider provider = Provider::dealer;
  mpc::OtOptions ot;
  std::int64_t batch = 1;
  int threads = 1;
  // Where the parties keep correlations of a query in a file; empty: in memory.
  std::filesystem::path spool;
  // Whether parties show the client what each step with a limit works on: it has the weights and
  // images anyway. Times are then of no worth.
  bool check_range = false;
  std::vector<NetworkRun> runs;

  // Images of each query of a run.
  std::vector<std::int64_t> queries(const NetworkRun& run) const;
};

// One party's word on one query. Plain data: it is sent as it is.
struct QueryReport {
  Usage offline, online;
  double offline_bytes = 0;  // that it received or sent
  double peak_memory = 0;    // bytes, so far
};

// What a query took, of both parties together; seconds.
struct QueryResult {
  std::int64_t images = 0;
  double offline = 0, online = 0, cpu = 0;
  mpc::Cost cost;
  double offline_bytes = 0;
  // By wave: when its local steps and its messages were done, counted from the start, at party 0.
  std::vector<double> marks;
};

struct RunResult {
  std::vector<QueryResult> queries;
  Tensor logits;  // of all images of the run
};

// What a step worked on, shares against the clear.
struct StepAgreement {
  mpc::StepRange on_shares;  // what both shares add up to
  double largest_error = 0;  // of an element that should be within the limit
};

struct SecureResult {
  double set_up = 0;  // seconds: weights sent, masked and opened
  mpc::Cost set_up_cost;
  std::vector<RunResult> runs;
  double peak_memory = 0;            // of the larger party
  std::vector<StepAgreement> steps;  // with check_range, as RangeRecord has them but the logits
};

void run_secure_party(int id, Links& links, const SecurePlan& plan);
void run_secure_dealer(Links& links, const SecurePlan& plan);
// Throws Error if what was measured is not what was predicted. `progress` is told of finished
// images.
SecureResult run_secure_client(Links& links, const SecurePlan& plan, const Tensor& images,
                               const std::function<void(std::int64_t)>& progress);

}  // namespace hush::apps
