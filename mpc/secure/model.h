// One party's side of a network that is loaded: its weights, opened once, and inferences on shares.
//
//   SecureModel model(network);
//   converse(party, model.set_up(party, weights));                 once; takes demand_set_up()
//   PreparedQuery query = model.prepare(source, batch);            offline, for each query
//   converse(party, model.infer(party, std::move(query), images, logits));
//
// After set_up the model does not change: any number of queries, each with a Party of its own, may
// use it at once. A query takes network.demand(batch) from its source: products in `prepare`, the
// rest while it runs. Images and logits are shares; who gave the first and gets the second is the
// caller's matter.
#pragma once

#include <functional>

#include "mpc/secure/network.h"

namespace hush::mpc {

// The products that one query uses up. Made from one source, used once.
class PreparedQuery {
 public:
  PreparedQuery(std::int64_t batch, std::vector<PreparedInput> inputs)
      : batch_(batch), inputs_(std::move(inputs)) {}

  std::int64_t batch() const { return batch_; }
  // Hands over that of a product; empty if weights are public.
  std::optional<PreparedInput> take(std::size_t product);

 private:
  std::int64_t batch_;
  std::vector<PreparedInput> inputs_;
};

// Called with the number of a wave when its local steps are done, and again (true) when all of it
// is; for timing.
using WaveObserver = std::function<void(std::size_t wave, bool interactive)>;

// Called with each step and this party's share of its first input, before it runs; for debugging.
// Whoever brings both parties' shares together sees the activations: a service never does.
using ShareObserver = std::function<void(const Step& step, const Share& input)>;

class SecureModel {
 public:
  // The network must outlive the model.
  explicit SecureModel(const SecureNetwork& network);

  const SecureNetwork& network() const { return network_; }

  // Masks the weights and opens them masked. `weights`: this party's share (shared), plaintext
  // (party 0 as owner, both if public), or ignored (party 1 of an owner). Keeps the tensors that it
  // needs and wipes the others, unless the caller keeps them too.
  Conversation set_up(Party& party, SecureWeights weights);
  // Takes the products for a query of `batch` images and works them out. No communication.
  PreparedQuery prepare(CorrelationSource& source, std::int64_t batch) const;
  // logits [N, classes] of images [N, H, W, C], N as prepared; ring64 on the host.
  Conversation infer(Party& party, PreparedQuery query, Share images, Share logits,
                     WaveObserver observer = {}, ShareObserver inspect = {}) const;

 private:
  const SecureNetwork& network_;
  std::vector<LoadedProduct> loaded_;
  bool ready_ = false;
};

}  // namespace hush::mpc
