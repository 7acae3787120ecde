// How long an inference will take, without running it: communication exactly as the plan says, and
// computation by a few rates of the machine.
#pragma once

#include <optional>

#include "mpc/channel/network_model.h"
#include "mpc/secure/network.h"

namespace hush::mpc {

// Of one thread. The defaults were fitted to ResNet-18 on one AVX-512 core at 2.6 GHz, both parties
// on one machine; other machines need their own.
struct ComputeRates {
  double macs_per_second = 18e9;     // of the ops as they are defined, whatever form they take
  double seconds_per_relu = 250e-9;  // a comparison and what belongs to it
  double seconds_per_polynomial = 22e-9;
  double seconds_per_round = 40e-6;  // waking up, copying, waiting for the slower party
  double bytes_per_second = 2e9;     // through the loopback interface
};

struct LatencyPrediction {
  double compute = 0;        // seconds of a party's processor
  double communication = 0;  // seconds on the network
  double total() const { return compute + communication; }
};

// Parties compute at the same time and talk in between; nothing overlaps. Without a network model
// the loopback interface is meant.
LatencyPrediction predict_latency(const SecureNetwork& network, std::int64_t batch,
                                  const std::optional<NetworkModel>& model,
                                  const ComputeRates& rates = {});

}  // namespace hush::mpc
