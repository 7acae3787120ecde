// Op: one operation of a network. Knows its shape rule, its algebra, and how to run forward and
// backward from the kernels of whatever backend its tensors live on.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/tensor.h"

namespace hush {

// How an op acts on its data input; it decides how shares of the inputs become shares of the
// output (docs/protocols.md).
enum class Algebra {
  linear,     // each party applies the very same op to its own share
  bilinear,   // in data and weight, or in two data inputs: one triple of that very op
  nonlinear,  // needs a protocol of its own
};

// What one pass of an op costs, for one image.
struct OpCount {
  std::int64_t macs = 0;   // multiply-accumulates
  std::int64_t relus = 0;  // ReLU elements: what a budget counts
};

class Communicator;

// Whether a pass is part of training, and the random seed and step that make it reproducible.
struct PassContext {
  bool training = false;
  std::uint64_t seed = 0;
  std::uint64_t step = 0;
  // Where these images stand in a batch that several ranks share: what is drawn for an image does
  // not depend on who has it.
  std::int64_t first_image = 0;
  // With it, batch norms in training normalise over the images of all ranks.
  Communicator* ranks = nullptr;
  // This rank has no image of the batch; the one it goes along with must not count.
  bool stand_in = false;
};

// What an op asks the engine to keep until its backward pass. Less is less memory.
struct Keep {
  std::uint32_t inputs = 0;  // bit i: input i
  bool output = false;
};

// What the forward pass hands to the backward pass. `inputs` and `output` are defined only where
// the op's Keep asks for them; `saved` is whatever forward put there.
struct BackwardArguments {
  std::span<const Tensor> inputs;
  Tensor output;
  std::span<const Tensor> saved;
  Tensor grad_output;
  std::span<const bool> wanted;  // which inputs need a gradient
  std::span<const Shape> input_shapes;
};

// Immutable once made, and shared by graphs; whatever changes (weights, running statistics) is
// an input.
class Op {
 public:
  virtual ~Op() = default;

  // As in docs and error messages: "conv2d", "relu".
  virtual std::string_view name() const = 0;
  virtual Algebra algebra() const = 0;
  // The options in words, part of the graph's digest: "stride 2 padding 1".
  virtual std::string options_text() const { return {}; }
  // The output's shape. Throws ArgumentError, naming op and shapes, if the inputs do not fit.
  virtual Shape output_shape(std::span<const Shape> inputs) const = 0;
  // `leaves` has the value of each input that is a parameter or buffer; others are undefined.
  virtual OpCount count(std::span<const Shape> inputs, std::span<const Tensor> leaves) const;

  // The output. When training, `saved` collects what backward needs besides inputs and output.
  // An input that is unique() is needed by nobody else: the op may write its output there.
  virtual Tensor forward(const PassContext& context, std::span<const Tensor> inputs,
                         std::vector<Tensor>& saved) const = 0;
  virtual Keep keep() const = 0;
  // Whether a training pass depends on its context's seed and step, so that no two are alike.
  virtual bool is_random() const { return false; }
  // One gradient per input; undefined where it is not wanted. A gradient may be grad_output
  // itself, or stand in its memory if that is unique().
  virtual std::vector<Tensor> backward(const PassContext& context,
                                       const BackwardArguments& arguments) const = 0;
};

}  // namespace hush
