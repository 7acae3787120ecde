// What an end-to-end benchmark tells: lines for people, and one JSON line.
#pragma once

#include "apps/secure_bench/roles.h"
#include "apps/secure_bench/subject.h"

namespace hush::apps {

// How well the answers on shares agree with those in the clear.
struct Agreement {
  std::int64_t images = 0, agree = 0;              // the same class first
  std::int64_t clear_right = 0, secure_right = 0;  // of labelled images
  double largest_error = 0;                        // of a logit
  std::int64_t catastrophic = 0;                   // images with a logit off by more than 1
};
Agreement agreement_of(const Subject& subject, const Tensor& logits);

// One kind of step in one query.
struct OperatorRow {
  std::string kind;
  std::int64_t steps = 0, elements = 0;
  mpc::Cost cost;
  double seconds = 0;  // the median of all queries
};
std::vector<OperatorRow> operators_of(const mpc::SecureNetwork& network, std::int64_t batch,
                                      const RunResult& run);

// Of full batches: the smallest and the median.
struct Times {
  double best = 0, median = 0;
};
Times online_times(const RunResult& run, std::int64_t batch);
Times offline_times(const RunResult& run, std::int64_t batch);

void print_secure_report(const Subject& subject, const SecurePlan& plan,
                         const SecureResult& result);
// What is run, and what came of it.
Json plan_json(const Subject& subject, const SecurePlan& plan);
Json result_json(const Subject& subject, const SecurePlan& plan, const SecureResult& result);

}  // namespace hush::apps
