#include "mpc/online/product.h"

#include "mpc/offline/correlations.h"
#include "mpc/online/ring_buffer.h"
#include "mpc/online/ring_tensor.h"

namespace hush::mpc {

Conversation product(Party& party, std::shared_ptr<const Op> op, Share x, Share y, Share z) {
  const Product triple(party.take(Product::request(op, x.shape(), y.shape())));
  const Device device = party.device();
  const Tensor a = ring_tensor(x.shape(), std::span<const Ring>(triple.a), device);
  const Tensor b = ring_tensor(y.shape(), std::span<const Ring>(triple.b), device);

  const std::size_t x_words = triple.a.size();
  const std::size_t y_words = triple.b.size();
  RingBuffer mine(x_words + y_words);
  RingBuffer theirs(mine.size());
  {
    const Tensor host_x = x.part.to(Device{});
    const Tensor host_y = y.part.to(Device{});
    const auto x_values = host_x.values<Ring>();
    const auto y_values = host_y.values<Ring>();
    for (std::size_t i = 0; i < x_words; ++i) mine[i] = x_values[i] - triple.a[i];
    for (std::size_t i = 0; i < y_words; ++i) mine[x_words + i] = y_values[i] - triple.b[i];
  }
  co_await exchange_of(mine, theirs);
  for (std::size_t i = 0; i < mine.size(); ++i) mine[i] += theirs[i];

  const Tensor e = ring_tensor(x.shape(), mine.part(0, x_words), device);
  const Tensor f = ring_tensor(y.shape(), mine.part(x_words, y_words), device);
  if (party.first()) add_to(b, f);
  z.part.assign(apply(*op, e, b));
  add_to(z.part, apply(*op, a, f));
  add_to(z.part, ring_tensor(z.shape(), std::span<const Ring>(triple.c), device));
  wipe(a);
  wipe(b);
}

Cost predict_product(const Shape& x, const Shape& y) {
  return exchange_cost(ring_bytes(std::size_t(x.elements() + y.elements())));
}

void demand_product(Demand& demand, std::shared_ptr<const Op> op, const Shape& x, const Shape& y) {
  demand.add(Product::request(std::move(op), x, y));
}

}  // namespace hush::mpc
