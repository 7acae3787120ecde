// A model on shares, as the evaluating thread of a server sees it.
#pragma once

#include "core/tensor.h"
#include "mpc/offline/demand.h"
#include "mpc/online/party.h"

namespace hush::apps {

class Evaluator {
 public:
  Evaluator() = default;
  Evaluator(const Evaluator&) = delete;
  Evaluator& operator=(const Evaluator&) = delete;
  virtual ~Evaluator() = default;

  // Correlations that it will ask the party's source for: once, and for each batch of `rows`
  // images.
  virtual mpc::Demand mask_demand() const = 0;
  virtual mpc::Demand batch_demand(std::int64_t rows) const = 0;
  // Once per connection with the other party, before the rest; takes the masks.
  virtual void set_up(mpc::Party& party) = 0;

  // What an evaluation needs besides its input, computed from a batch. No communication.
  struct Prepared {
    virtual ~Prepared() = default;
  };
  virtual std::unique_ptr<Prepared> prepare(mpc::CorrelationSource& source, std::int64_t rows) = 0;
  // This party's share of the logits [N, classes] for its share of the images [N, H, W, C], N as
  // prepared.
  virtual Tensor run(mpc::Party& party, std::unique_ptr<Prepared> prepared,
                     const Tensor& images) = 0;
};

}  // namespace hush::apps
