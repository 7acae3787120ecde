// One step of a secure inference: what a node of the graph becomes, by the algebra of its op.
//
//   linear      each party applies the op to its own share         LinearStep, SumStep
//   bilinear    one product with fixed weights, or of two secrets  ProductStep, MultiplyStep
//   nonlinear   a protocol of its own                              ActivationStep
//
// Steps know nothing of values: they are made once for a network, from what is public, and serve
// all queries. Values are numbered; each is written by one step.
#pragma once

#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "mpc/online/weight_layer.h"

namespace hush::mpc {

// What is public of a value: its shape for one image, and what number its words stand for,
//   words (as signed numbers) · 2^-scale · factor.
struct ValueInfo {
  Shape shape;
  int scale = 0;
  double factor = 1;  // other than 1 after an average of a number of pixels that is no power of 2
};

// A party's weights of one ProductStep.
struct LoadedProduct {
  std::optional<WeightLayer> layer;  // shared and owner mode
  KeptWeights open;                  // public mode
  Tensor bias;                       // [K], this party's share; undefined if it has none
};

// What a step works on. Shares are host tensors with the batch as axis 0.
struct StepArguments {
  std::vector<Share> inputs;
  Share output;
  const LoadedProduct* loaded = nullptr;  // ProductStep
  std::optional<PreparedInput> prepared;  // ProductStep, unless weights are public
};

// What a step works on in the clear: float32 tensors of the same shapes, and real numbers in them.
struct ClearArguments {
  std::vector<Tensor> inputs;
  Tensor weight, bias;  // ProductStep
  int input_scale = 0, output_scale = 0;
};

class Step {
 public:
  Step(std::string name, std::vector<int> inputs, int output)
      : name_(std::move(name)), inputs_(std::move(inputs)), output_(output) {}
  Step(const Step&) = delete;
  Step& operator=(const Step&) = delete;
  virtual ~Step() = default;

  // The module that it comes from: "layer1.0.conv1".
  const std::string& name() const { return name_; }
  const std::vector<int>& inputs() const { return inputs_; }
  int output() const { return output_; }

  // "convolution", "relu", …: groups the lines of a report.
  virtual std::string_view kind() const = 0;
  // Canonical; both parties compare its digest.
  virtual std::string text() const = 0;
  // Whether it needs the other party.
  virtual bool interactive() const { return true; }
  // Elements of one image that it works on: of the opening, where there is one.
  virtual std::int64_t elements() const = 0;
  virtual void demand(Demand& /*demand*/, std::int64_t /*batch*/) const {}
  virtual Cost cost(std::int64_t /*batch*/) const { return {}; }
  virtual Conversation run(Party& party, StepArguments arguments) const = 0;

  // What it computes, without shares and without rounding; for ranges.h.
  virtual Tensor run_clear(const ClearArguments& arguments) const = 0;
  // Numbers of the first input, which has `scale` fraction bits, must be smaller in magnitude, or
  // the result is wrong. Infinite if none does harm: what only adds and multiplies may wrap around
  // 2^64 on the way, as long as the sum that is opened in the end does not.
  virtual double limit(int /*scale*/) const { return std::numeric_limits<double>::infinity(); }

 private:
  std::string name_;
  std::vector<int> inputs_;
  int output_;
};

}  // namespace hush::mpc
