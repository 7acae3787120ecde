#include "mpc/online/weight_layer.h"

#include "mpc/online/ring_buffer.h"
#include "mpc/online/ring_tensor.h"

namespace hush::mpc {

PreparedInput::~PreparedInput() {
  if (u_.defined() && u_.unique()) wipe(u_);
}

WeightLayer::WeightLayer(WeightLayerOptions options) : options_(std::move(options)) {
  require(options_.op != nullptr && options_.op->algebra() == Algebra::bilinear,
          "weight layer: the op is not bilinear");
  require(options_.mask != 0, "weight layer: its mask needs a number other than 0");
  if (options_.scaled) scale_bits_ = KeptWeights::scale_bits(*options_.op, options_.x, options_.w);
}

WeightLayer::~WeightLayer() {
  weights_.wipe();
}

Shape WeightLayer::output_shape(std::int64_t rows) const {
  const Shape operands[] = {input_shape(rows), options_.w};
  return options_.op->output_shape(operands);
}

CorrelationRequest WeightLayer::request(std::int64_t rows) const {
  return Product::request(options_.op, input_shape(rows), options_.w, options_.mask,
                          options_.ownership);
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

PreparedInput WeightLayer::prepare(CorrelationSource& source, std::int64_t rows) const {
  require(opened_.defined() || weights_.defined(), "weight layer: prepare before set_up");
  const Device device = (opened_.defined() ? opened_ : weights_).device();
  Product triple(source.take(request(rows)));
  for (Ring& word : triple.c) word <<= scale_bits_;
  const Tensor c = ring_tensor(output_shape(rows), std::span<const Ring>(triple.c), device);
  if (triple.a.size() == 0) return {std::move(triple.a), c};
  const Tensor a = ring_tensor(input_shape(rows), std::span<const Ring>(triple.a), device);
  const Tensor u = Tensor::empty(c.shape(), DType::ring64, device);
  opened_.apply(a, c, u);
  wipe(a);
  wipe(c);
  return {std::move(triple.a), u};
}

Conversation WeightLayer::run(Party& party, PreparedInput prepared, Share x, Share y) const {
  const std::int64_t rows = x.shape().rank() == 0 ? 0 : x.shape()[0];
  require(x.shape() == input_shape(rows) && y.shape() == output_shape(rows) &&
              prepared.u().shape() == y.shape(),
          "weight layer: {} into {}, prepared for {}", x.part.text(), y.part.text(),
          prepared.u().text());
  const bool shared = options_.ownership == Ownership::shared;
  const SecretWords& a = prepared.a();
  const Tensor host_x = x.part.to(Device{});
  const auto words = host_x.values<Ring>();
  if (!shared && !party.first()) {
    RingBuffer mine(words.size());
    for (std::size_t i = 0; i < mine.size(); ++i) mine[i] = words[i] - a[i];
    co_await Exchange{std::as_bytes(std::span(mine)), {}};
    y.part.assign(prepared.u());
    co_return;
  }
  const Tensor opened = Tensor::empty(x.shape(), DType::ring64);
  const auto e = opened.values<Ring>();
  if (shared) {
    RingBuffer theirs(words.size());
    for (std::size_t i = 0; i < e.size(); ++i) e[i] = words[i] - a[i];
    co_await exchange_of(e, theirs);
    for (std::size_t i = 0; i < e.size(); ++i) e[i] += theirs[i];
  } else {
    co_await Exchange{{}, std::as_writable_bytes(e)};
    for (std::size_t i = 0; i < e.size(); ++i) e[i] += words[i];
  }
  const Device device = party.device();
  weights_.apply(device == Device{} ? opened : opened.to(device), prepared.u(), y.part);
}

Cost WeightLayer::predict_set_up() const {
  Cost cost = exchange_cost(ring_bytes(std::size_t(options_.w.elements())));
  if (options_.ownership == Ownership::party0_weights) cost.bytes_sent[1] = 0;
  return cost;
}

Cost WeightLayer::predict_run(std::int64_t rows) const {
  Cost cost = exchange_cost(ring_bytes(std::size_t(input_shape(rows).elements())));
  if (options_.ownership == Ownership::party0_weights) cost.bytes_sent[0] = 0;
  return cost;
}

void WeightLayer::demand_set_up(Demand& demand) const {
  demand.add(WeightMask::request(options_.w, options_.mask, options_.ownership));
}

void WeightLayer::demand_run(Demand& demand, std::int64_t rows) const {
  demand.add(request(rows));
}

}  // namespace hush::mpc
