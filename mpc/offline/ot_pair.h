// Oblivious transfer in both directions between the two parties, and the two-party products that
// the OT provider is made of. Party i calls the same function as party 1 - i with its own shares.
//
// In every product of shared values (x_0 + x_1)(y_0 + y_1) the parties compute x_i·y_i alone and
// the two cross terms by OT: first with party 0 as the sender, then with party 1.
#pragma once

#include <optional>
#include <vector>

#include "mpc/offline/correlation.h"
#include "mpc/ot/random_ot.h"

namespace hush::mpc {

class OtPair {
 public:
  // Sets up OT both ways; costs predict_ot_setup (ot_prediction.h).
  OtPair(int party, Channel& channel, Generator& generator, OtExtension extension);

  int party() const { return party_; }
  Channel& channel() { return sender_->channel(); }
  Generator& generator() { return generator_; }

  // Random bits: ⊕ c = own_0 & own_1. One transfer a bit and nothing else: the sender's factor is
  // what its two pads differ by.
  void random_cross_ands(SecretWords& own, SecretWords& c);
  // Random bits: ⊕ c = (⊕ a) & (⊕ b). Two transfers a bit.
  void random_ands(SecretWords& a, SecretWords& b, SecretWords& c);

  // Shares under exclusive or of choice & lane for each of several lanes, all given as shares.
  std::vector<SecretWords> and_lanes(const SecretWords& choice,
                                     const std::vector<const SecretWords*>& lanes);

  // Σ value = ⊕ bits for given packed bits. One transfer an element.
  void bits_to_ring(const SecretWords& bits, SecretWords& value);

  // Additive shares of bit · lane for bits shared under exclusive or and additive lanes; with
  // `value` not null, first the bit itself. One transfer an element each way.
  void multiply_by_bits(const SecretWords& bits, const std::vector<const SecretWords*>& lanes,
                        SecretWords* value, const std::vector<SecretWords*>& products);

  // y = shares of x². One Gilboa product of 63 bits an element.
  void square(const SecretWords& x, SecretWords& y);

  // One direction of a product: runs send(OtSender) at party `sender` and receive(OtReceiver) at
  // the other.
  template <class Send, class Receive>
  void one_way(int sender, Send send, Receive receive) {
    if (party_ == sender) {
      send(*sender_);
    } else {
      receive(*receiver_);
    }
  }
  // Both directions, party 0 sending first.
  template <class Send, class Receive>
  void both_ways(Send send, Receive receive) {
    for (const int sender : {0, 1}) one_way(sender, send, receive);
  }

 private:
  int party_;
  Generator& generator_;
  std::optional<OtSender> sender_;  // which is made first depends on the party
  std::optional<OtReceiver> receiver_;
};

}  // namespace hush::mpc
