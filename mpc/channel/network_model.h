// A network to pretend to have: a fixed delay one way and a rate.
#pragma once

#include <optional>
#include <string>

namespace hush::mpc {

struct NetworkModel {
  double one_way_seconds = 0;   // from leaving the sender to reaching the receiver
  double bytes_per_second = 0;  // each way

  std::string text() const;  // for reports: says that the network is emulated
};

// Reads the --net option:
//   loopback        nothing is emulated (no model)
//   lan             0.1 ms one way, 1 GB/s
//   wan             40 ms one way, 100 Mbit/s
//   RTT,BANDWIDTH   round trip time with unit s, ms or us (one way is half of it), and rate with
//                   unit bit, kbit, Mbit or Gbit per second: "20ms,500Mbit"
// Throws ArgumentError.
std::optional<NetworkModel> parse_network(const std::string& text);

}  // namespace hush::mpc
