#include "mpc/online/weight_layer.h"

#include "mpc/online/ring_buffer.h"
#include "mpc/online/ring_tensor.h"

namespace hush::mpc {

WeightLayer::WeightLayer(WeightLayerOptions options) : options_(std::move(options)) {
  require(options_.op != nullptr && options_.op->algebra() == Algebra::bilinear,
          "weight layer: the op is not bilinear");
  require(options_.mask != 0, "weight layer: its mask needs a number other than 0");
  if (options_.scaled) scale_bits_ = KeptWeights::scale_bits(*options_.op, options_.x, options_.w);
}

WeightLayer::~WeightLayer() {
  weights_.wipe();
  for (const Prepared& prepared : prepared_) wipe(prepared.u);
}

Shape WeightLayer::output_shape() const {
  const Shape operands[] = {options_.x, options_.w};
  return options_.op->output_shape(operands);
}

Conversation WeightLayer::set_up(Party& party, Tensor weights) {
  const Device device = party.device();
  const bool shared = options_.ownership == Ownership::shared;
  const bool has_weights = shared || party.first();
  const WeightMask mask(
      party.take(WeightMask::request(options_.w, options_.mask, options_.ownership)));
  RingBuffer mine(mask.b.size());
  RingBuffer f(std::size_t(options_.w.elements()));
  if (has_weights) {
    require(weights.shape() == options_.w, "weight layer: weights {} for shape {}", weights.text(),
            options_.w.text());
    const Tensor host = weights.to(Device{});
    const auto words = host.values<Ring>();
    for (std::size_t i = 0; i < words.size(); ++i) mine[i] = words[i] - mask.b[i];
  }
  if (shared) {
    co_await exchange_of(mine, f);
    for (std::size_t i = 0; i < f.size(); ++i) f[i] += mine[i];
  } else if (party.first()) {
    co_await Exchange{std::as_bytes(std::span(mine)), {}};
    const Tensor copy = weights.clone();
    weights_ = KeptWeights(options_.op, copy, scale_bits_);
    if (copy.unique()) wipe(copy);  // only its transform is kept
    co_return;                      // it knows A ⊛ W only through C
  } else {
    co_await Exchange{{}, std::as_writable_bytes(std::span(f))};
  }
  const Tensor opened = ring_tensor(options_.w, std::span<const Ring>(f), device);
  opened_ = KeptWeights(options_.op, opened, scale_bits_);
  if (!shared) co_return;
  const Tensor part = ring_tensor(options_.w, std::span<const Ring>(mask.b), device);
  if (party.first()) add_to(part, opened);
  weights_ = KeptWeights(options_.op, part, scale_bits_);
  if (part.unique()) wipe(part);  // as above
}

void WeightLayer::prepare(Party& party) {
  require(opened_.defined() || weights_.defined(), "weight layer: prepare before set_up");
  Product triple(party.take(
      Product::request(options_.op, options_.x, options_.w, options_.mask, options_.ownership)));
  Prepared prepared;
  for (Ring& word : triple.c) word <<= scale_bits_;
  prepared.u = ring_tensor(output_shape(), std::span<const Ring>(triple.c), party.device());
  if (triple.a.size() != 0) {
    const Tensor a = ring_tensor(options_.x, std::span<const Ring>(triple.a), party.device());
    add_to(prepared.u, opened_.apply(a));
    wipe(a);
  }
  prepared.a = std::move(triple.a);
  prepared_.push_back(std::move(prepared));
}

Conversation WeightLayer::run(Party& party, Share x, Share y) {
  require(!prepared_.empty(), "weight layer: run without prepare");
  require(x.shape() == options_.x && y.shape() == output_shape(),
          "weight layer: {} into {}, not {} into {}", x.part.text(), y.part.text(),
          options_.x.text(), output_shape().text());
  const Prepared prepared = std::move(prepared_.front());
  prepared_.pop_front();
  const bool shared = options_.ownership == Ownership::shared;
  const Tensor host_x = x.part.to(Device{});
  const auto words = host_x.values<Ring>();
  RingBuffer mine(prepared.a.size());
  RingBuffer e(words.size());
  for (std::size_t i = 0; i < mine.size(); ++i) mine[i] = words[i] - prepared.a[i];
  if (shared) {
    co_await exchange_of(mine, e);
    for (std::size_t i = 0; i < e.size(); ++i) e[i] += mine[i];
  } else if (party.first()) {
    co_await Exchange{{}, std::as_writable_bytes(std::span(e))};
    for (std::size_t i = 0; i < e.size(); ++i) e[i] += words[i];
  } else {
    co_await Exchange{std::as_bytes(std::span(mine)), {}};
    y.part.assign(prepared.u);
    co_return;
  }
  const Tensor opened = ring_tensor(options_.x, std::span<const Ring>(e), party.device());
  y.part.assign(weights_.apply(opened));
  add_to(y.part, prepared.u);
  wipe(prepared.u);
}

Cost WeightLayer::predict_set_up() const {
  Cost cost = exchange_cost(ring_bytes(std::size_t(options_.w.elements())));
  if (options_.ownership == Ownership::party0_weights) cost.bytes_sent[1] = 0;
  return cost;
}

Cost WeightLayer::predict_run() const {
  Cost cost = exchange_cost(ring_bytes(std::size_t(options_.x.elements())));
  if (options_.ownership == Ownership::party0_weights) cost.bytes_sent[0] = 0;
  return cost;
}

void WeightLayer::demand_set_up(Demand& demand) const {
  demand.add(WeightMask::request(options_.w, options_.mask, options_.ownership));
}

void WeightLayer::demand_run(Demand& demand) const {
  demand.add(
      Product::request(options_.op, options_.x, options_.w, options_.mask, options_.ownership));
}

}  // namespace hush::mpc
