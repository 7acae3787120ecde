#include "mpc/secure/latency.h"

#include <algorithm>

namespace hush::mpc {

LatencyPrediction predict_latency(const SecureNetwork& network, std::int64_t batch,
                                  const std::optional<NetworkModel>& model,
                                  const ComputeRates& rates) {
  const SecureNetwork::Counts counts = network.counts();
  const Cost cost = network.cost(batch);
  const auto images = double(batch);
  const double seconds_per_relu = rates.seconds_per_relu.at(std::size_t(network.options().relu));
  const auto bytes = double(std::max(cost.bytes_sent[0], cost.bytes_sent[1]));
  LatencyPrediction prediction;
  prediction.compute = images * (double(counts.macs) / rates.macs_per_second +
                                 double(counts.relus) * seconds_per_relu +
                                 double(counts.polynomials) * rates.seconds_per_polynomial) +
                       double(cost.rounds) * rates.seconds_per_round;
  prediction.communication = bytes / rates.bytes_per_second;
  if (model)
    prediction.communication +=
        double(cost.rounds) * model->one_way_seconds + bytes / model->bytes_per_second;
  return prediction;
}

}  // namespace hush::mpc
