// The dealer: a third party that makes correlated randomness and never sees an input.
//
// Trust: it must not collude with either party, and it knows every mask, so it must not see their
// messages. In the *client-aided* mode (Mohassel, Zhang, "SecureML", IEEE S&P 2017, section 5.3)
// the client itself runs the same code for its own query: it learns nothing that it could not
// compute, and the parties need no other third party, but it must follow the protocol.
//
// The trick (as in Riazi et al., "Chameleon", AsiaCCS 2018, section 3): each party's part grows
// from a 16-byte seed; only what depends on other randomness is sent, and that to party 1 alone.
// What party 0 gets beyond its seed are the keys of comparison functions, which both must hold.
//
// Messages, with each party:
//   1. party → dealer  SHA-256 of the demand's text          32 bytes
//   2. dealer → party  seed                                  16 bytes
//   3. dealer → party  for each portion (portion.h) of each request, its dealt fields;
//                      an empty message if it has none      see Demand::dealt_bytes
// The empty ones tell a party that lives on its seed alone that the other one is still being
// served: the time limit of a channel is then one for a portion, not for a batch. The demands of
// dealer and both parties must be the same; a dealer that finds a difference throws
// ProtocolViolation before it has sent anything.
#pragma once

#include <array>
#include <span>

#include "mpc/channel/channel.h"
#include "mpc/offline/correlation_source.h"
#include "mpc/offline/demand.h"
#include "mpc/offline/derive.h"
#include "mpc/offline/portion.h"
#include "mpc/ot/generator.h"

namespace hush::mpc {

// Lives as long as the weight masks that it dealt are in use. Makes keys and products with all
// threads of the process (core/thread_pool.h), a portion at a time; calls must not overlap.
class Dealer {
 public:
  explicit Dealer(Generator generator) : generator_(std::move(generator)) {}

  // Deals `demand` to both parties, which call receive_correlations.
  void deal(const Demand& demand, Channel& party0, Channel& party1);

 private:
  using Channels = std::array<Channel*, 2>;
  using Streams = std::array<Generator, 2>;
  void deal_portion(const Portion& portion, std::span<const Ring> announced, Streams& streams,
                    const Channels& parties);

  Generator generator_;
  WeightMasks masks_;
};

// A party's side. Throws ChannelError.
void receive_correlations(int party, const Demand& demand, Channel& dealer, CorrelationSink& sink);

}  // namespace hush::mpc
