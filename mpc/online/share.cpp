#include "mpc/online/share.h"

#include "mpc/online/ring_buffer.h"

namespace hush::mpc {

std::array<Share, 2> share(const Tensor& secret, Generator& generator) {
  std::array<Share, 2> parts = {Share{Tensor::empty(secret.shape(), DType::ring64)},
                                Share{Tensor::empty(secret.shape(), DType::ring64)}};
  const auto x = secret.values<Ring>();
  const auto part0 = parts[0].words();
  const auto part1 = parts[1].words();
  generator.fill(part0);
  for (std::size_t i = 0; i < x.size(); ++i) part1[i] = x[i] - part0[i];
  return parts;
}

Tensor reveal(const Share& part0, const Share& part1) {
  require(part0.shape() == part1.shape(), "reveal: parts of shapes {} and {}", part0.shape().text(),
          part1.shape().text());
  Tensor secret = Tensor::empty(part0.shape(), DType::ring64);
  const auto x = secret.values<Ring>();
  const auto words0 = part0.words();
  const auto words1 = part1.words();
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = words0[i] + words1[i];
  return secret;
}

Conversation share_from(Party& party, int owner, Tensor secret, Share y) {
  require(secret.shape() == y.shape(), "share: {} into {}", secret.text(), y.part.text());
  const auto mine = y.words();
  if (party.id() != owner) {
    co_await Exchange{{}, std::as_writable_bytes(mine)};
    co_return;
  }
  const auto x = secret.values<Ring>();
  RingBuffer theirs(x.size());
  party.generator().fill(mine);
  for (std::size_t i = 0; i < x.size(); ++i) theirs[i] = x[i] - mine[i];
  co_await Exchange{std::as_bytes(std::span(theirs)), {}};
}

Cost predict_share_from(int owner, std::size_t count) {
  Cost cost = exchange_cost(ring_bytes(count));
  cost.bytes_sent[std::size_t(1 - owner)] = 0;
  return cost;
}

Conversation open(Party& /*party*/, std::span<const Ring> x, std::span<Ring> values) {
  require(x.size() == values.size(), "open: {} words into {}", x.size(), values.size());
  RingBuffer theirs(x.size());
  co_await exchange_of(x, theirs);
  for (std::size_t i = 0; i < x.size(); ++i) values[i] = x[i] + theirs[i];
}

Cost predict_open(std::size_t count) {
  return exchange_cost(ring_bytes(count));
}

Conversation open_to(Party& party, int to, std::span<const Ring> x, std::span<Ring> values) {
  if (party.id() != to) {
    co_await Exchange{std::as_bytes(x), {}};
    co_return;
  }
  require(x.size() == values.size(), "open: {} words into {}", x.size(), values.size());
  RingBuffer theirs(x.size());
  co_await Exchange{{}, std::as_writable_bytes(std::span(theirs))};
  for (std::size_t i = 0; i < x.size(); ++i) values[i] = x[i] + theirs[i];
}

Cost predict_open_to(int to, std::size_t count) {
  return predict_share_from(1 - to, count);
}

}  // namespace hush::mpc
