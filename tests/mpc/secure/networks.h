// Networks of the zoo, with running statistics that fit their values, replaced as wished.
#pragma once

#include <random>

#include "core/autograd.h"
#include "nn/models.h"
#include "nn/replacement.h"
#include "tests/mpc/secure/secure_run.h"

namespace hush::mpc::test {

// Moves the running statistics of batch norms and activations to those of random images.
inline void settle_statistics(const Graph& graph, const Shape& image) {
  for (std::uint64_t step = 0; step < 20; ++step)
    evaluate(graph, std::vector<Tensor>{random_images(image.with(0, 4), 100 + step)},
             {.training = true, .seed = 1, .step = step});
}

// Leaves a `share` of the ReLUs of each layer, at random; the others become DaPa's polynomials.
inline Graph replaced(const Graph& graph, const Shape& image, double share,
                      nn::PolynomialKind kind = nn::PolynomialKind::dapa2) {
  const Graph result = nn::replace_relus(graph, false);
  settle_statistics(result, image);
  const auto layers = nn::gated_layers(result);
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> uniform;
  for (const nn::GatedLayer& layer : layers)
    for (float& gate : result[layer.gate].value.values<float>())
      gate = uniform(random) < share ? 1.0f : 0.0f;
  nn::PolynomialChoice choice;
  choice.kind = kind;
  nn::refresh_coefficients(result, layers, choice);
  return result;
}

inline Graph settled_model(const std::string& name, const Shape& image) {
  const Graph graph = nn::make_model(name, 10, image, 3);
  settle_statistics(graph, image);
  return graph;
}

}  // namespace hush::mpc::test
