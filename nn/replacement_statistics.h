// What the inputs of a network's activations look like, measured: for DaPa, for the magnitude
// method, and for reports.
#pragma once

#include <array>

#include "nn/batch_source.h"
#include "nn/replacement_indicators.h"

namespace hush::nn {

// Measures the running statistics of the activations and of the batch norms anew: for each channel
// the median over `batches` training batches of the batch's mean and variance. The median, because
// polynomials have heavy tails: one image that runs away multiplies its batch's variance, and in a
// running average it would spoil the scale of all the others. Weights and gates stay; the source
// is left somewhere in its epoch 0.
void calibrate(const Graph& graph, BatchSource& source, std::int64_t batches);

// How far the inputs of each layer's activations reach: for each channel the largest magnitude in a
// training batch, the median over `batches` batches. (The largest of all would be that of an image
// that ran away.) Norms are as in inference. The source is left somewhere in its epoch 0.
std::vector<std::vector<float>> measure_reach(const Graph& graph,
                                              const std::vector<GatedLayer>& layers,
                                              BatchSource& source, std::int64_t batches);

// Sets all coefficients under the limit for tails of `choice` (dapa.h). What an early layer lets
// run away is no measure of how far later ones reach: so as long as some reach is beyond what
// networks have (1e4), statistics and reach are measured again with the coefficients that it gave,
// which there are those of a line. Returns how often reach was measured (0: there is nothing to
// limit). Throws NumericError if something is infinite to the last: then not polynomials did it.
int limit_tails(const Graph& graph, const std::vector<GatedLayer>& layers,
                const PolynomialChoice& choice, BatchSource& source, std::int64_t batches);

// How well polynomials stand in for one layer's ReLU on real inputs.
struct PolynomialError {
  std::string layer;
  bool in_stream = false;
  // Root mean square of relu(x) - g(x) by PolynomialKind, in units of the root mean square of
  // relu(x); g for each channel from the layer's running statistics, not damped.
  std::array<double, 5> relative{};
};

// Measured on one batch of images with all gates as they are.
std::vector<PolynomialError> measure_polynomials(const Graph& graph,
                                                 const std::vector<GatedLayer>& layers,
                                                 const Tensor& images);

// Sets each auxiliary parameter to the mean over the images of (relu(x) - g(x))² at its element,
// divided by the channel's running variance; g is the layer's polynomial in the graph.
void measure_importance(const Graph& graph, const std::vector<GatedLayer>& layers,
                        const Tensor& images, const Indicators& indicators);

}  // namespace hush::nn
