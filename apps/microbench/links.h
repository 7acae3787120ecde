// The parties of a benchmark, joined: processes of their own over TCP or TLS on the loopback
// interface, or threads over memory; with an emulated network on top if wanted.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mpc/channel/framed_channel.h"
#include "mpc/channel/network_model.h"
#include "mpc/channel/session.h"

namespace hush::apps {

enum class TransportKind { memory, tcp, tls };

struct LinkOptions {
  TransportKind transport = TransportKind::tcp;
  std::optional<mpc::NetworkModel> network;
  bool dealer = true;   // whether there is a third role besides the two parties
  bool client = false;  // and a fourth
  int threads = 1;      // of a party, which gets processors of its own (processors.h)
  // More connections of the two parties, each with an emulated network of its own (or none).
  std::vector<std::optional<mpc::NetworkModel>> more;
  std::string options;  // all that must be the same for all, in words
  mpc::Digest graph{};  // and the network, if there is one
};

// The channels of one role, by the other end's role; and the parties' additional ones.
struct Links : std::array<std::unique_ptr<mpc::Channel>, 4> {
  std::vector<std::unique_ptr<mpc::Channel>> more;
};
using RoleBody = std::function<void(mpc::Role, Links&)>;

// Runs `body` for both parties, and for the dealer if there is one, and returns when all are done.
// The client runs in the calling thread, or party 0 if there is none. Throws what that role threw;
// or Error if another one failed (which then has said on the standard error stream what went
// wrong).
void run_roles(const LinkOptions& options, const RoleBody& body);

}  // namespace hush::apps
