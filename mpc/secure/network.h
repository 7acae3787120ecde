// A network as both parties and the dealer know it before there is an input: the steps of a secure
// inference, what each costs, and what all must agree on. Public; it holds no share of anything.
//
//   SecureNetwork network(graph, options);      // any weights: only gates and coefficients are
//   read network.demand_set_up(), network.demand(batch)   to a dealer, OT, or a store
//   network.digest()                                 into Session::graph
//   SecureModel model(network);                      (model.h) a party's side
//
// Steps run in *waves*: all that is ready shares messages, so a shortcut's convolution opens with
// the block's first one, and ReLUs with the polynomials of their layer.
//
// Public by design: structure, gates (which ReLUs were replaced), polynomial coefficients. What the
// coefficients tell: mean and deviation of a channel before the activation (nn/dapa.h).
#pragma once

#include "mpc/channel/sha256.h"
#include "mpc/secure/lowering.h"
#include "mpc/secure/weights.h"

namespace hush::mpc {

// Steps that run side by side.
struct Wave {
  std::vector<const Step*> local;        // first, in order
  std::vector<const Step*> interactive;  // then these, sharing messages
};

class SecureNetwork {
 public:
  // `graph` is a network from images [N, H, W, C] to logits [N, classes], with its ReLUs replaced
  // or not, folded or not. Throws ArgumentError (lowering.h).
  SecureNetwork(const Graph& graph, const SecureOptions& options);

  const SecureOptions& options() const { return options_; }
  const std::vector<Wave>& waves() const { return waves_; }
  const std::vector<ValueInfo>& values() const { return lowered_.values; }
  const std::vector<const ProductStep*>& products() const { return lowered_.products; }
  int input() const { return lowered_.input; }
  int output() const { return lowered_.output; }
  // Which product a step is; -1 for other steps.
  int product_index(const Step& step) const;

  Shape input_shape(std::int64_t batch) const;
  Shape output_shape(std::int64_t batch) const;
  // float32 images to ring elements and ring elements to float32 logits, in fixed point.
  Tensor encode_images(const Tensor& images) const;
  Tensor decode_logits(const Tensor& words) const;

  // Of the graph that this was made from, encoded. Only its owner has a graph with values worth it.
  SecureWeights weights() const;
  // Those of one product as the graph has them, batch norm folded in.
  const PlainWeights& plain_weights(std::size_t product) const {
    return lowered_.weights.at(product);
  }
  // Zeros of the right shapes.
  SecureWeights empty_weights() const;

  // Exactly what SecureModel::set_up and one inference of `batch` images take and cost. (An owner's
  // inference may share its first round with what came before, and take one less.)
  Demand demand_set_up() const;
  Cost cost_set_up() const;
  Demand demand(std::int64_t batch) const;
  Cost cost(std::int64_t batch) const;
  Cost cost(const Wave& wave, std::int64_t batch) const;

  // For one image: multiply-accumulates in layers with weights, and elements by kind.
  struct Counts {
    std::int64_t macs = 0, relus = 0, polynomials = 0;
  };
  Counts counts() const;

  // The plan in canonical text, and its SHA-256: two parties that hold the same digest will say and
  // expect the same. Weights are no part of it.
  std::string text() const;
  Digest digest() const { return sha256(text()); }

 private:
  void schedule();

  SecureOptions options_;
  LoweredGraph lowered_;
  std::vector<Wave> waves_;
};

}  // namespace hush::mpc
