// How long an inference will take, without running it: communication exactly as the plan says, and
// computation by a few rates of the machine.
#pragma once

#include <array>
#include <optional>

#include "mpc/channel/network_model.h"
#include "mpc/secure/network.h"

namespace hush::mpc {

// Of one thread. The defaults were fitted to ResNet-18 on a Zen 4 with AVX-512, each party on a
// core of its own; other machines need their own.
struct ComputeRates {
  double macs_per_second = 27e9;  // of the ops as they are defined, whatever form they take
  // A comparison and what belongs to it, by ReluMethod: a2b, carry, dcf, dcf_select.
  std::array<double, 4> seconds_per_relu = {390e-9, 30e-9, 170e-9, 45e-9};
  double seconds_per_polynomial = 6.5e-9;
  double seconds_per_round = 20e-6;  // system calls, waiting for the slower party
  double bytes_per_second = 3e9;     // through the loopback interface
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
