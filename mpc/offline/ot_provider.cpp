#include "mpc/offline/ot_provider.h"

#include <algorithm>
#include <bit>

#include "mpc/channel/sha256.h"
#include "mpc/offline/carry_group.h"
#include "mpc/offline/ot_prediction.h"
#include "mpc/offline/ot_products.h"

namespace hush::mpc {
namespace {

constexpr Tag kOtDemand{0x0212};
constexpr InputSet kPropagateInputs = 0x0f;

SecretWords copy_of(const SecretWords& words) {
  SecretWords copy(words.size());
  std::copy(words.begin(), words.end(), copy.begin());
  return copy;
}

Tensor tensor_of(const Shape& shape, const SecretWords& words) {
  return Tensor::from(shape, std::span<const Ring>(words.data(), words.size()));
}

// The product of this party's own two shares.
void add_own_product(const CorrelationRequest& request, const SecretWords& a, const SecretWords& b,
                     SecretWords& c) {
  const Tensor operands[] = {tensor_of(request.x, a), tensor_of(request.w, b)};
  std::vector<Tensor> saved;
  const Tensor product = request.op->forward({}, operands, saved);
  const auto words = product.values<Ring>();
  for (std::size_t i = 0; i < c.size(); ++i) c[i] += words[i];
  for (const Tensor* secret : {&operands[0], &operands[1], &product})
    sodium_memzero(secret->raw(), secret->bytes());
}

void agree_on(const Demand& demand, Channel& channel) {
  const Digest mine = sha256(demand.text());
  Digest theirs;
  channel.exchange_arrays(mine, theirs, kOtDemand);
  if (mine != theirs)
    throw ProtocolViolation(
        "OT provider: the peer demands other correlations; do both have the same graph and "
        "options?");
}

}  // namespace

std::vector<std::size_t> products_led_by(const CarryGroupTerms& terms, unsigned leader) {
  std::vector<std::size_t> led;
  for (std::size_t s = 0; s < terms.products.size(); ++s)
    if ((terms.products[s] & kPropagateInputs) >> leader == 1) led.push_back(s);
  return led;
}

OtProvider::OtProvider(int party, Channel& channel, Generator generator, OtOptions options)
    : generator_(std::move(generator)),
      options_(options),
      pair_(party, channel, generator_, options.extension) {}

void OtProvider::provide(const Demand& demand, CorrelationSink& sink) {
  const Cost cost = predict_ot(options_.extension, demand);
  const std::uint64_t bytes = cost.bytes_sent[0] + cost.bytes_sent[1];
  require(bytes <= options_.most_bytes,
          "OT provider: this demand would send {:.2f} GB, more than the {:.2f} GB allowed; use a "
          "dealer, or confirm the volume",
          double(bytes) / 1e9, double(options_.most_bytes) / 1e9);
  agree_on(demand, pair_.channel());
  for (const CorrelationRequest& request : demand.requests()) sink.add(request, make(request));
}

void OtProvider::draw(SecretWords& words) {
  generator_.fill(std::span(words.data(), words.size()));
}

CorrelationShare OtProvider::make(const CorrelationRequest& request) {
  CorrelationShare share = empty_share(request, pair_.party());
  std::vector<SecretWords>& fields = share.fields;
  switch (request.kind) {
    case CorrelationKind::square_pairs:
      draw(fields[0]);
      pair_.square(fields[0], fields[1]);
      break;
    case CorrelationKind::product:
      make_product(request, share);
      break;
    case CorrelationKind::weight_mask:
      draw(fields[0]);
      masks_.add(request.mask, {request.w, request.ownership, copy_of(fields[0])});
      break;
    case CorrelationKind::cross_ands:
      pair_.random_cross_ands(fields[0], fields[1]);
      break;
    case CorrelationKind::and_triples:
      pair_.random_ands(fields[0], fields[1], fields[2]);
      break;
    case CorrelationKind::carry_groups:
      make_carry_groups(request, share);
      break;
    case CorrelationKind::bit_pairs:
      draw(fields[0]);
      pair_.bits_to_ring(fields[0], fields[1]);
      break;
    case CorrelationKind::selections:
      make_selections(request, share);
      break;
    case CorrelationKind::truncations: {
      SecretWords sign_bits(bit_words(request.count));
      make_truncation(request.shift, fields[0], fields[1], fields[2], sign_bits);
      break;
    }
    case CorrelationKind::truncated_squares:
      make_truncated_squares(request, share);
      break;
    case CorrelationKind::comparisons:
      throw ArgumentError("OT provider: it makes no keys of comparison functions");
  }
  return share;
}

void OtProvider::make_product(const CorrelationRequest& request, CorrelationShare& share) {
  SecretWords& a = share.fields[0];
  SecretWords& c = share.fields[2];
  draw(a);
  draw(share.fields[1]);
  const SecretWords& b = request.mask == 0 ? share.fields[1] : masks_.find(request).value;
  c = cross_products(pair_, request, a, b);
  if (request.ownership == Ownership::shared) add_own_product(request, a, b, c);
}

void OtProvider::make_carry_groups(const CorrelationRequest& request, CorrelationShare& share) {
  const CarryGroupTerms terms = carry_group_terms(request.arity, request.propagate);
  const std::size_t masks = terms.inputs.size();
  for (std::size_t m = 0; m < masks; ++m) draw(share.fields[m]);
  // The field of a mask or of a product of masks.
  const auto field_of = [&](InputSet set) -> SecretWords& {
    const auto& sets = std::has_single_bit(unsigned(set)) ? terms.inputs : terms.products;
    const auto found = std::lower_bound(sets.begin(), sets.end(), set);
    const std::size_t first = &sets == &terms.inputs ? 0 : masks;
    return share.fields[first + std::size_t(found - sets.begin())];
  };
  for (unsigned leader = 1; leader < request.arity; ++leader) {
    const std::vector<std::size_t> led = products_led_by(terms, leader);
    std::vector<const SecretWords*> lanes;
    lanes.reserve(led.size());
    for (const std::size_t s : led)
      lanes.push_back(&field_of(InputSet(terms.products[s] ^ propagate_input(leader))));
    auto products = pair_.and_lanes(field_of(propagate_input(leader)), lanes);
    for (std::size_t i = 0; i < led.size(); ++i)
      share.fields[masks + led[i]] = std::move(products[i]);
  }
}

// The 64 random bits of r are one word each of the packed bits.
void OtProvider::make_truncation(unsigned shift, SecretWords& r, SecretWords& high,
                                 SecretWords& sign, SecretWords& sign_bits) {
  for (std::size_t done = 0; done < r.size(); done += kOtMaskPortion) {
    const std::size_t count = std::min(kOtMaskPortion, r.size() - done);
    SecretWords bits(count);
    SecretWords value(64 * count);
    draw(bits);
    pair_.bits_to_ring(bits, value);
    for (std::size_t i = 0; i < count; ++i) {
      const Ring* v = value.data() + 64 * i;
      for (unsigned j = 0; j < 64; ++j) r[done + i] += v[j] << j;
      for (unsigned j = shift; j < 64; ++j) high[done + i] += v[j] << (j - shift);
      sign[done + i] = v[63];
      sign_bits[(done + i) / 64] |= (bits[i] >> 63) << ((done + i) % 64);
    }
  }
}

void OtProvider::make_selections(const CorrelationRequest& request, CorrelationShare& share) {
  SecretWords& r = share.fields[0];
  SecretWords& bits = share.fields[1];
  SecretWords& value = share.fields[2];
  SecretWords& value_r = share.fields[3];
  draw(bits);
  if (request.shift == 0) {
    draw(r);
    return pair_.multiply_by_bits(bits, {&r}, &value, {&value_r});
  }
  SecretWords sign_bits(bit_words(request.count));
  make_truncation(request.shift, r, share.fields[4], share.fields[5], sign_bits);
  pair_.multiply_by_bits(bits, {&share.fields[4], &share.fields[5]}, &value,
                         {&value_r, &share.fields[6]});
}

void OtProvider::make_truncated_squares(const CorrelationRequest& request,
                                        CorrelationShare& share) {
  std::vector<SecretWords>& f = share.fields;  // r, r_high, r_sign, square, cross
  SecretWords sign_bits(bit_words(request.count));
  make_truncation(request.shift, f[0], f[1], f[2], sign_bits);
  pair_.square(f[1], f[3]);
  pair_.multiply_by_bits(sign_bits, {&f[1]}, nullptr, {&f[4]});
}

}  // namespace hush::mpc
