#include "apps/serve/query_client.h"

#include <cmath>

#include "apps/serve/client_session.h"
#include "mpc/online/fixed_point.h"
#include "mpc/online/share.h"

namespace hush::apps {
namespace {

Tensor decoded(const Tensor& words, const ModelCard& card) {
  Tensor logits = Tensor::empty(words.shape(), DType::float32);
  const auto from = words.values<Ring>();
  const auto to = logits.values<float>();
  for (std::size_t i = 0; i < to.size(); ++i)
    to[i] =
        float(std::ldexp(double(std::int64_t(from[i])), -card.result_bits) * card.result_factor);
  return logits;
}

}  // namespace

QueryClient::QueryClient(const QueryOptions& options) {
  std::array<std::string, 2> cards;
  for (std::size_t party = 0; party < 2; ++party) {
    const auto role = mpc::Role(party);
    links_[party] = Link::connect(
        options.servers[party], options.credentials, {std::string(mpc::role_name(role))},
        options.connect, {.timeout = options.timeout, .spin = std::chrono::microseconds(0)});
    mpc::open_session(channel(party), client_protocol(mpc::Role::client, role));
    send_selection(channel(party), {session_, options.model});
    check(party, receive_answer(channel(party)));
    cards[party] = receive_card(channel(party));
  }
  if (cards[0] != cards[1])
    throw mpc::SessionMismatch("the two servers do not serve the same model: tell their operators");
  card_ = ModelCard::parse(cards[0]);
}

void QueryClient::check(std::size_t party, const Answer& answer) const {
  if (!answer.ok())
    throw QueryRefused(answer.verdict, fmt::format("{}: {}", links_[party]->peer(), answer.reason));
}

Tensor QueryClient::evaluate(const Tensor& images) {
  const Shape expected = card_.info.image.with(0, images.shape()[0]);
  require(images.shape() == expected, "images are {}, the model takes {}", images.text(),
          expected.text());
  const Tensor encoded = mpc::FixedPoint(card_.image_bits).encode(images);
  const auto count = std::size_t(images.shape()[0]);
  request(std::uint32_t(count));
  send_shares(encoded);
  return add_results(count);
}

// Both must take the request before either sees a share.
void QueryClient::request(std::uint32_t images) {
  const Request request{requests_++, images};
  for (std::size_t party = 0; party < 2; ++party) send_request(channel(party), request);
  const Answer answers[] = {receive_answer(channel(0)), receive_answer(channel(1))};
  for (std::size_t party = 0; party < 2; ++party) check(party, answers[party]);
  if (answers[0].reason != answers[1].reason)
    throw QueryRefused(Verdict::unavailable,
                       fmt::format("{} and {} are not connected to each other: ask again",
                                   links_[0]->peer(), links_[1]->peer()));
}

void QueryClient::send_shares(const Tensor& images) {
  const auto parts = mpc::share(images, generator_);
  const auto image = std::size_t(card_.info.image.elements());
  for (std::size_t party = 0; party < 2; ++party) {
    const auto words = parts[party].words();
    for (std::size_t at = 0; at < words.size(); at += image)
      channel(party).send_array(words.subspan(at, image), kImageShares);
    channel(party).flush();
  }
}

Tensor QueryClient::add_results(std::size_t images) {
  const auto classes = std::size_t(card_.info.classes);
  Tensor sum = Tensor::zeros({std::int64_t(images), std::int64_t(classes)}, DType::ring64);
  std::array<std::vector<Stamp>, 2> stamps;
  std::vector<Ring> share(classes);
  for (std::size_t party = 0; party < 2; ++party) {
    check(party, receive_answer(channel(party)));
    stamps[party] = receive_stamps(channel(party), images);
    for (std::size_t i = 0; i < images; ++i) {
      channel(party).receive_array(share, kResultShares);
      for (std::size_t c = 0; c < classes; ++c) sum.values<Ring>()[i * classes + c] += share[c];
    }
  }
  if (stamps[0] != stamps[1])
    throw mpc::ProtocolViolation("the two servers answered from different evaluations: ask again");
  return decoded(sum, card_);
}

}  // namespace hush::apps
