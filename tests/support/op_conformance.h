// What every op must satisfy on every device, run for one row of the op table. A backend's test
// instantiates it for its device.
#pragma once

#include <gtest/gtest.h>

#include "core/autograd.h"
#include "core/random.h"
#include "tests/support/op_cases.h"

namespace hush {

// The inputs of a case: in double for the reference, and rounded to float as the ops see them.
inline reference::Arrays<double> float_inputs(const OpCase& c) {
  reference::Arrays<double> arrays;
  for (std::size_t i = 0; i < c.inputs.size(); ++i) {
    const auto& [shape, fill, differentiable] = c.inputs[i];
    RandomStream random(7, RandomUse::test, i);
    reference::Array<double> array(shape);
    std::vector<double>& values = array.values;
    for (std::size_t j = 0; j < values.size(); ++j) {
      switch (fill) {
        case OpInput::Fill::normal:
          values[j] = double(random.normal());
          break;
        case OpInput::Fill::positive:
          values[j] = double(random.uniform() + 0.5f);
          break;
        case OpInput::Fill::label:
          values[j] = double(random.below(3));
          break;
        case OpInput::Fill::distinct:  // shuffled as they come
          values[j] = double(0.1f * (float(j) - float(values.size() / 2)) + 0.05f);
          std::swap(values[j], values[random.below(std::uint32_t(j) + 1)]);
          break;
      }
    }
    arrays.push_back(std::move(array));
  }
  return arrays;
}

inline reference::Arrays<Ring> ring_inputs(const OpCase& c) {
  reference::Arrays<Ring> arrays;
  for (std::size_t i = 0; i < c.inputs.size(); ++i) {
    RandomStream random(11, RandomUse::test, i);
    reference::Array<Ring> array(c.inputs[i].shape);
    for (Ring& value : array.values) value = Ring{random.next()} << 32 | random.next();
    arrays.push_back(std::move(array));
  }
  return arrays;
}

template <class T, class Source>
Tensor tensor_of(const reference::Array<Source>& array, Device device) {
  return Tensor::from(array.shape, std::vector<T>(array.values.begin(), array.values.end()))
      .to(device);
}

inline std::vector<Tensor> float_tensors(const OpCase& c, Device device) {
  std::vector<Tensor> tensors;
  const reference::Arrays<double> arrays = float_inputs(c);
  for (std::size_t i = 0; i < arrays.size(); ++i)
    tensors.push_back(c.inputs[i].fill == OpInput::Fill::label
                          ? tensor_of<std::int32_t>(arrays[i], device)
                          : tensor_of<float>(arrays[i], device));
  return tensors;
}

inline std::vector<double> doubles(const Tensor& tensor) {
  const Tensor host = tensor.to({});
  const auto values = host.values<float>();
  return {values.begin(), values.end()};
}

// Float results beside double ones; errors are measured against the largest result.
inline void expect_close(const std::vector<double>& got, const std::vector<double>& want,
                         double tolerance, const std::string& what) {
  ASSERT_EQ(got.size(), want.size()) << what;
  double largest = 1;
  for (const double value : want) largest = std::max(largest, std::abs(value));
  for (std::size_t i = 0; i < want.size(); ++i)
    ASSERT_NEAR(got[i], want[i], tolerance * largest) << what << ", element " << i;
}

// The op alone in a graph: what is differentiable are its parameters, the rest inputs.
struct OneOpGraph {
  OneOpGraph(const OpCase& c, const std::vector<Tensor>& tensors) {
    std::vector<NodeId> nodes;
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      const std::string name = fmt::format("input{}", i);
      if (c.inputs[i].differentiable) {
        nodes.push_back(graph.add_parameter(name, tensors[i]));
      } else {
        nodes.push_back(graph.add_input(name, tensors[i].shape()));
        given.push_back(tensors[i]);
      }
    }
    graph.set_output(graph.add("op", c.op, nodes));
  }
  Graph graph;
  std::vector<Tensor> given;
};

inline void check_inference(const OpCase& c, Device device) {
  const OneOpGraph one(c, float_tensors(c, device));
  const Tensor y = evaluate(one.graph, one.given);
  const auto want = (c.inference ? c.inference : c.reference)(float_inputs(c));
  EXPECT_EQ(y.shape(), want.shape);
  expect_close(doubles(y), want.values, 2e-6, "inference");
}

// The op may write over inputs that nobody else holds; that must not change the result.
inline void check_in_place(const OpCase& c, Device device) {
  std::vector<Tensor> saved;
  const std::vector<Tensor> held = float_tensors(c, device);
  const std::vector<Tensor> handles = held;
  const Tensor want = c.op->forward({}, handles, saved);
  EXPECT_EQ(doubles(held[0]), doubles(float_tensors(c, device)[0])) << "a shared input changed";
  const std::vector<Tensor> unique = float_tensors(c, device);
  EXPECT_EQ(doubles(c.op->forward({}, unique, saved)), doubles(want));
}

inline void check_training(const OpCase& c, Device device) {
  const OneOpGraph one(c, float_tensors(c, device));
  const reference::Arrays<double> inputs = float_inputs(c);
  const reference::Array<double> want = c.reference(inputs);
  reference::Array<double> weight(want.shape);  // of each output in the sum that is derived
  RandomStream random(13, RandomUse::test);
  for (double& w : weight.values) w = double(random.normal());

  TrainingPass pass(one.graph, {});
  const Tensor y = pass.forward(one.given);
  EXPECT_EQ(y.shape(), want.shape);
  expect_close(doubles(y), want.values, 2e-6, "training");
  const std::vector<Tensor> gradients = pass.backward({}, tensor_of<float>(weight, device));
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!c.inputs[i].differentiable) continue;
    const std::vector<double> numerical =
        reference::numerical_gradient(c.reference, inputs, i, weight.values);
    expect_close(doubles(gradients[i]), numerical, 1e-5, fmt::format("gradient of input {}", i));
  }
}

// backward may write over a gradient that nobody else holds; that must not change the result.
inline void check_backward_in_place(const OpCase& c, Device device) {
  const OneOpGraph one(c, float_tensors(c, device));
  const auto gradients = [&](bool shared) {
    TrainingPass pass(one.graph, {});
    const Tensor y = pass.forward(one.given);
    const Tensor ones = Tensor::full(y.shape(), 1.0f, device);
    return pass.backward({}, shared ? ones : Tensor());  // none given: ones that are its own
  };
  const std::vector<Tensor> a = gradients(true), b = gradients(false);
  for (std::size_t i = 0; i < c.inputs.size(); ++i) {
    if (c.inputs[i].differentiable) {
      EXPECT_EQ(doubles(a[i]), doubles(b[i])) << "input " << i;
    }
  }
}

inline void check_ring(const OpCase& c, Device device) {
  const reference::Arrays<Ring> inputs = ring_inputs(c);
  std::vector<Tensor> tensors;
  for (const auto& array : inputs) tensors.push_back(tensor_of<Ring>(array, device));
  const OneOpGraph one(c, tensors);
  const Tensor y = evaluate(one.graph, one.given).to({});
  const reference::Array<Ring> want = c.ring(inputs);
  ASSERT_EQ(y.shape(), want.shape);
  EXPECT_TRUE(std::ranges::equal(y.values<Ring>(), want.values)) << "ring results differ";
}

inline void check_op(const OpCase& c, Device device) {
  check_inference(c, device);
  check_in_place(c, device);
  if (c.trains) {
    check_training(c, device);
    check_backward_in_place(c, device);
  }
  if (c.ring) check_ring(c, device);
}

}  // namespace hush
