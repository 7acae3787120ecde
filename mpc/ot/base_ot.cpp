#include "mpc/ot/base_ot.h"

#include <sodium.h>

#include <cstring>
#include <vector>

#include "mpc/ot/secret_array.h"

namespace hush::mpc {
namespace {

constexpr Tag kPointPairs{0x0101};
constexpr Tag kSenderPoint{0x0102};

struct Point {
  unsigned char bytes[crypto_core_ristretto255_BYTES];
};
struct Scalar {
  unsigned char bytes[crypto_core_ristretto255_SCALARBYTES];
};
static_assert(sizeof(Point) == 32 && sizeof(Scalar) == 32);

using PointPair = std::array<Point, 2>;  // r_0, r_1

void require_sodium() {
  if (sodium_init() < 0) throw Error("libsodium cannot be initialised");
}

void require_point(bool valid) {
  if (!valid) throw ProtocolViolation("base OT: the peer sent an invalid group element");
}

// BLAKE2b of a label and any number of plain values.
template <std::size_t kSize, class... Parts>
std::array<unsigned char, kSize> hash(const char* label, const Parts&... parts) {
  crypto_generichash_state state;
  crypto_generichash_init(&state, nullptr, 0, kSize);
  const auto update = [&state](const void* data, std::size_t size) {
    crypto_generichash_update(&state, static_cast<const unsigned char*>(data), size);
  };
  update(label, std::strlen(label) + 1);
  (update(&parts, sizeof parts), ...);
  std::array<unsigned char, kSize> digest;
  crypto_generichash_final(&state, digest.data(), kSize);
  sodium_memzero(&state, sizeof state);
  return digest;
}

Block as_block(const std::array<unsigned char, 16>& digest) {
  Block block;
  std::memcpy(&block, digest.data(), sizeof block);
  return block;
}

// The random oracle H_branch of transfer `index`, into the group.
Point hash_to_point(std::uint64_t index, std::uint64_t branch, const Point& input) {
  const auto digest =
      hash<crypto_core_ristretto255_HASHBYTES>("hush base ot point", index, branch, input);
  Point point;
  crypto_core_ristretto255_from_hash(point.bytes, digest.data());
  return point;
}

Block derive_key(std::uint64_t index, std::uint64_t branch, const Point& sender_point,
                 const PointPair& pair, const Point& shared) {
  return as_block(hash<16>("hush base ot key", index, branch, sender_point, pair, shared));
}

Block session_of(const Point& sender_point, const std::vector<PointPair>& pairs) {
  crypto_generichash_state state;
  crypto_generichash_init(&state, nullptr, 0, 16);
  crypto_generichash_update(&state, sender_point.bytes, sizeof sender_point);
  for (const PointPair& pair : pairs) crypto_generichash_update(&state, pair[0].bytes, sizeof pair);
  std::array<unsigned char, 16> digest;
  crypto_generichash_final(&state, digest.data(), digest.size());
  return as_block(digest);
}

// Uniform by reducing 512 bits; never zero but with probability 2^-252.
Scalar random_scalar(Generator& generator) {
  unsigned char wide[crypto_core_ristretto255_NONREDUCEDSCALARBYTES];
  generator.fill(std::as_writable_bytes(std::span(wide)));
  Scalar scalar;
  crypto_core_ristretto255_scalar_reduce(scalar.bytes, wide);
  sodium_memzero(wide, sizeof wide);
  return scalar;
}

Point random_point(Generator& generator) {
  unsigned char wide[crypto_core_ristretto255_HASHBYTES];
  generator.fill(std::as_writable_bytes(std::span(wide)));
  Point point;
  crypto_core_ristretto255_from_hash(point.bytes, wide);
  return point;
}

Point multiply_base(const Scalar& scalar) {
  Point point;
  if (crypto_scalarmult_ristretto255_base(point.bytes, scalar.bytes) != 0)
    throw Error("base OT: drew the zero scalar; the generator is broken");
  return point;
}

Point multiply(const Scalar& scalar, const Point& point) {
  Point product;
  require_point(crypto_scalarmult_ristretto255(product.bytes, scalar.bytes, point.bytes) == 0);
  return product;
}

// Exchanges a and b if `swap`, without a branch.
void swap_if(bool swap, Point& a, Point& b) {
  const auto mask = static_cast<unsigned char>(0 - static_cast<unsigned>(swap));
  for (std::size_t i = 0; i < sizeof(Point); ++i) {
    const auto difference = static_cast<unsigned char>((a.bytes[i] ^ b.bytes[i]) & mask);
    a.bytes[i] ^= difference;
    b.bytes[i] ^= difference;
  }
}

}  // namespace

Block base_ot_send(Channel& channel, Generator& generator, std::span<std::array<Block, 2>> keys) {
  require_sodium();
  SecretArray<Scalar> y(1);
  y[0] = random_scalar(generator);
  const Point sender_point = multiply_base(y[0]);
  channel.send_array(std::span(&sender_point, 1), kSenderPoint);

  std::vector<PointPair> pairs(keys.size());
  channel.receive_array(pairs, kPointPairs);
  for (std::size_t i = 0; i < keys.size(); ++i)
    for (std::size_t branch = 0; branch < 2; ++branch) {
      const Point mask = hash_to_point(i, branch, pairs[i][1 - branch]);
      Point receiver_point;
      require_point(crypto_core_ristretto255_add(receiver_point.bytes, pairs[i][branch].bytes,
                                                 mask.bytes) == 0);
      const Point shared = multiply(y[0], receiver_point);
      keys[i][branch] = derive_key(i, branch, sender_point, pairs[i], shared);
    }
  return session_of(sender_point, pairs);
}

Block base_ot_receive(Channel& channel, Generator& generator,
                      std::span<const std::uint64_t> choices, std::span<Block> keys) {
  require(choices.size() >= bit_words(keys.size()), "base OT: {} choice words for {} transfers",
          choices.size(), keys.size());
  require_sodium();
  SecretArray<Scalar> secrets(keys.size());
  std::vector<PointPair> pairs(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const std::uint64_t choice = bit_at(choices, i);
    secrets[i] = random_scalar(generator);
    const Point own = multiply_base(secrets[i]);
    Point other = random_point(generator);
    const Point mask = hash_to_point(i, choice, other);
    Point chosen;
    require_point(crypto_core_ristretto255_sub(chosen.bytes, own.bytes, mask.bytes) == 0);
    swap_if(choice != 0, chosen, other);
    pairs[i] = {chosen, other};
  }
  channel.send_array(pairs, kPointPairs);

  Point sender_point;
  channel.receive_array(std::span(&sender_point, 1), kSenderPoint);
  for (std::size_t i = 0; i < keys.size(); ++i)
    keys[i] = derive_key(i, bit_at(choices, i), sender_point, pairs[i],
                         multiply(secrets[i], sender_point));
  return session_of(sender_point, pairs);
}

}  // namespace hush::mpc
