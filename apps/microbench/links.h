// The parties of a benchmark, joined: processes of their own over TCP or TLS on the loopback
// interface, or threads over memory; with an emulated network on top if wanted.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "mpc/channel/framed_channel.h"
#include "mpc/channel/network_model.h"
#include "mpc/channel/session.h"

namespace hush::apps {

enum class TransportKind { memory, tcp, tls };

struct LinkOptions {
  TransportKind transport = TransportKind::tcp;
  std::optional<mpc::NetworkModel> network;
  bool dealer = true;   // whether there is a third role besides the two parties
  std::string options;  // all that must be the same for all, in words
};

// The channels of one role, by the other end's role.
using Links = std::array<std::unique_ptr<mpc::Channel>, 3>;
using RoleBody = std::function<void(mpc::Role, Links&)>;

// Runs `body` for both parties, and for the dealer if there is one, and returns when all are done.
// Party 0 runs in the calling thread. Throws what party 0 threw; or Error if another one failed
// (which then has said on the standard error stream what went wrong).
void run_roles(const LinkOptions& options, const RoleBody& body);

}  // namespace hush::apps
