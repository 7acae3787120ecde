#include "mpc/offline/ot_pair.h"

#include "mpc/offline/ot_lanes.h"
#include "mpc/ot/gilboa.h"
#include "mpc/ot/ring_ot.h"

namespace hush::mpc {
namespace {

std::span<const std::uint64_t> view(const SecretWords& words) {
  return {words.data(), words.size()};
}
std::span<std::uint64_t> view(SecretWords& words) {
  return {words.data(), words.size()};
}

}  // namespace

OtPair::OtPair(int party, Channel& channel, Generator& generator, OtExtension extension)
    : party_(party), generator_(generator) {
  require(party == 0 || party == 1, "OT provider: party {} is not 0 or 1", party);
  for (const int sender : {0, 1}) {
    if (sender == party) {
      sender_.emplace(channel, generator, extension);
    } else {
      receiver_.emplace(channel, generator, extension);
    }
  }
}

void OtPair::random_cross_ands(SecretWords& own, SecretWords& c) {
  const std::size_t bits = 64 * own.size();
  one_way(
      0,
      [&](OtSender& sender) {
        SecretWords one(own.size());
        sender.random_bits(bits, view(c), view(one));
        for (std::size_t w = 0; w < own.size(); ++w) own[w] = c[w] ^ one[w];
      },
      [&](OtReceiver& receiver) {
        generator_.fill(view(own));
        receiver.random_bits(view(own), bits, view(c));
      });
}

void OtPair::random_ands(SecretWords& a, SecretWords& b, SecretWords& c) {
  const std::size_t bits = 64 * a.size();
  both_ways(
      [&](OtSender& sender) {
        SecretWords zero(a.size());
        sender.random_bits(bits, view(zero), view(a));
        for (std::size_t w = 0; w < a.size(); ++w) a[w] ^= zero[w];
        for (std::size_t w = 0; w < a.size(); ++w) c[w] ^= zero[w];
      },
      [&](OtReceiver& receiver) {
        SecretWords chosen(a.size());
        generator_.fill(view(b));
        receiver.random_bits(view(b), bits, view(chosen));
        for (std::size_t w = 0; w < a.size(); ++w) c[w] ^= chosen[w];
      });
  for (std::size_t w = 0; w < a.size(); ++w) c[w] ^= a[w] & b[w];
}

std::vector<SecretWords> OtPair::and_lanes(const SecretWords& choice,
                                           const std::vector<const SecretWords*>& lanes) {
  std::vector<SecretWords> products;
  for (const SecretWords* lane : lanes) {
    products.emplace_back(lane->size());
    for (std::size_t w = 0; w < lane->size(); ++w) products.back()[w] = choice[w] & (*lane)[w];
  }
  const auto add = [&](const std::vector<SecretWords>& shares) {
    for (std::size_t l = 0; l < shares.size(); ++l)
      for (std::size_t w = 0; w < shares[l].size(); ++w) products[l][w] ^= shares[l][w];
  };
  both_ways([&](OtSender& sender) { add(bit_lanes_send(sender, lanes)); },
            [&](OtReceiver& receiver) { add(bit_lanes_receive(receiver, choice, lanes.size())); });
  return products;
}

// b_0 ⊕ b_1 = b_0 + b_1 − 2·b_0·b_1; the product is needed mod 2^63 only.
void OtPair::bits_to_ring(const SecretWords& bits, SecretWords& value) {
  SecretWords product(value.size());
  Ring sign = 0;
  one_way(
      0,
      [&](OtSender& sender) {
        SecretWords x(value.size());
        for (std::size_t i = 0; i < x.size(); ++i) x[i] = bit_at(view(bits), i);
        ring_ot_send(sender, 63, view(x), view(product));
        sign = 2;  // it holds r, the other party r + b_0·b_1
      },
      [&](OtReceiver& receiver) {
        ring_ot_receive(receiver, 63, view(bits), view(product));
        sign = Ring{0} - 2;
      });
  for (std::size_t i = 0; i < value.size(); ++i)
    value[i] = bit_at(view(bits), i) + sign * product[i];
}

// bit · x_0 = b_0·x_0 + b_1·(1 − 2·b_0)·x_0, and the same for x_1. The bit itself is such a product
// with a lane of ones, which party 0 alone holds: it travels in one direction only.
void OtPair::multiply_by_bits(const SecretWords& bits, const std::vector<const SecretWords*>& lanes,
                              SecretWords* value, const std::vector<SecretWords*>& products) {
  const std::size_t count = products[0]->size();
  const std::size_t extra = value != nullptr ? 1 : 0;
  std::vector<SecretWords*> results(products);
  if (value != nullptr) results.push_back(value);
  for (std::size_t i = 0; i < count; ++i) {
    const Ring bit = bit_at(view(bits), i);
    for (std::size_t l = 0; l < lanes.size(); ++l) (*products[l])[i] = bit * (*lanes[l])[i];
    if (value != nullptr) (*value)[i] = bit;
  }
  // Lanes of the direction in which `sender` sends.
  const auto width = [&](int sender) { return lanes.size() + (sender == 0 ? extra : 0); };
  const auto add = [&](const SecretWords& shares, std::size_t wide) {
    for (std::size_t i = 0; i < shares.size(); ++i) (*results[i % wide])[i / wide] += shares[i];
  };
  both_ways(
      [&](OtSender& sender) {
        const std::size_t wide = width(party_);
        SecretWords x(count * wide);
        for (std::size_t i = 0; i < count; ++i) {
          const Ring bit = bit_at(view(bits), i);
          for (std::size_t l = 0; l < lanes.size(); ++l)
            x[i * wide + l] = (1 - 2 * bit) * (*lanes[l])[i];
          // Party 1 has counted its bit by itself: the ones turn b_0 + b_1 into b_0 ⊕ b_1.
          if (wide > lanes.size()) x[i * wide + lanes.size()] = Ring{0} - 2 * bit;
        }
        add(ring_lanes_send(sender, x, wide), wide);
      },
      [&](OtReceiver& receiver) {
        const std::size_t wide = width(1 - party_);
        add(ring_lanes_receive(receiver, bits, count, wide), wide);
      });
}

// x² = x_0² + x_1² + 2·x_0·x_1, where the product is needed mod 2^63 only.
void OtPair::square(const SecretWords& x, SecretWords& y) {
  SecretWords cross(x.size());
  one_way(
      0, [&](OtSender& sender) { gilboa_send(sender, 63, 63, view(x), view(cross)); },
      [&](OtReceiver& receiver) { gilboa_receive(receiver, 63, 63, view(x), view(cross)); });
  for (std::size_t i = 0; i < x.size(); ++i) y[i] = x[i] * x[i] + 2 * cross[i];
}

}  // namespace hush::mpc
