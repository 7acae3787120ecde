// One of the two computing parties: everything a protocol needs besides its inputs.
//
// Conventions of every protocol in this folder
//   - Adversary: semi-honest, at most one party. "Learns nothing" means: what a party receives is
//     uniform whatever the secrets are.
//   - x and y are this party's additive shares mod 2^64 of what the header calls x and y: the
//     secret is the sum of both parties' words. Output may be input where sizes agree.
//   - Both parties call the same protocols in the same order with the same sizes and options.
//   - `predict_…` gives rounds and bytes exactly, `demand_…` the correlations, both without input.
//   - Elementwise protocols work on host memory; `device` is where the bilinear ops run.
#pragma once

#include <utility>

#include "core/device.h"
#include "mpc/channel/channel.h"
#include "mpc/offline/correlation_source.h"
#include "mpc/ot/generator.h"

namespace hush::mpc {

class Party {
 public:
  // `id` is 0 or 1, the other one's at the other end of `channel`. Channel and source must outlive
  // this. Throws ArgumentError for another id.
  Party(int id, Channel& channel, CorrelationSource& source, Generator generator,
        Device device = {})
      : id_(id),
        channel_(channel),
        source_(source),
        generator_(std::move(generator)),
        device_(device) {
    require(id == 0 || id == 1, "party: id {} is not 0 or 1", id);
  }

  int id() const { return id_; }
  // Party 0 alone adds public constants to shares.
  bool first() const { return id_ == 0; }
  Channel& channel() { return channel_; }
  Generator& generator() { return generator_; }
  Device device() const { return device_; }
  CorrelationSource& source() { return source_; }
  CorrelationShare take(const CorrelationRequest& request) { return source_.take(request); }

 private:
  int id_;
  Channel& channel_;
  CorrelationSource& source_;
  Generator generator_;
  Device device_;
};

}  // namespace hush::mpc
