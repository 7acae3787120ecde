// The pieces of online work that are benchmarked: what each needs, does, and must give.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mpc/offline/cost.h"
#include "mpc/offline/demand.h"
#include "mpc/online/party.h"
#include "mpc/online/relu.h"

namespace hush::apps {

struct WorkFacts {
  std::string group;  // "relu", "drelu", "square", "conv"
  std::string name;
  std::string unit;
  double count = 0;
  std::optional<double> crypten;  // seconds, quoted
};

// One party's side. All parties make the same list in the same order.
class Work {
 public:
  Work() = default;
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;
  virtual ~Work() = default;

  virtual WorkFacts facts() const = 0;
  // Correlations for `set_up`, and for each run.
  virtual mpc::Demand once() const { return {}; }
  virtual mpc::Demand each() const = 0;
  virtual mpc::Cost predicted() const = 0;
  // Makes this party's shares of the input.
  virtual void set_up(mpc::Party& party) = 0;
  // Local, before the clock starts.
  virtual void prepare(mpc::Party& /*party*/) {}
  virtual void run(mpc::Party& party) = 0;
  // This party's share of the last result, and what the sum (or exclusive or) of both must be.
  virtual std::vector<Ring> result() const = 0;
  virtual bool exclusive() const { return false; }
  virtual std::vector<Ring> expected() const = 0;
};

struct WorkOptions {
  std::vector<std::size_t> sizes;
  unsigned width = 64;              // of comparisons
  std::vector<std::string> groups;  // which of "relu", "drelu", "square", "conv"
  std::vector<std::string> methods = {"a2b", "carry", "dcf", "dcf-select"};  // of ReLUs
};

std::vector<std::unique_ptr<Work>> make_works(const WorkOptions& options);

}  // namespace hush::apps
