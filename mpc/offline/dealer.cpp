#include "mpc/offline/dealer.h"

#include <algorithm>
#include <chrono>

#include "mpc/channel/sha256.h"

namespace hush::mpc {
namespace {

constexpr Tag kDemand{0x0201};
constexpr Tag kSeed{0x0202};
constexpr Tag kFields{0x0203};
// Small portions travel together, but a party hears from the dealer that often.
constexpr std::chrono::milliseconds kLongestSilence{100};

std::span<Ring> words_at(SecretWords& words, std::size_t offset, std::size_t count) {
  return {words.data() + offset, count};
}

// Memory for what a dealer makes of a party's share; public fields exist once, in share 0.
CorrelationShare share_at_dealer(const Portion& portion, int party) {
  CorrelationShare share;
  for (const Field& field : portion.fields) {
    const std::size_t words = party == 1 && is_public(field) ? 0 : words_of(field, party);
    share.fields.emplace_back(words, Unfilled{});
  }
  return share;
}

void flush(const std::array<Channel*, 2>& parties) {
  for (Channel* const party : parties) party->flush();
}

void expect_demand(const Digest& digest, Channel& party, int number) {
  Digest theirs;
  party.receive_array(theirs, kDemand);
  if (theirs != digest)
    throw ProtocolViolation(fmt::format(
        "dealer: party {} demands other correlations; do all sides have the same graph and "
        "options?",
        number));
}

}  // namespace

void Dealer::deal_portion(const Portion& portion, std::span<const Ring> announced, Streams& streams,
                          const Channels& parties) {
  CorrelationShare shares[] = {share_at_dealer(portion, 0), share_at_dealer(portion, 1)};
  const std::vector<Field>& fields = portion.fields;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    for (int party = 0; party < 2; ++party)
      if (!is_dealt(fields[i], party)) streams[std::size_t(party)].fill(shares[party].fields[i]);
    if (fields[i].source == FieldSource::announced)
      std::copy(announced.begin(), announced.end(), shares[0].fields[i].begin());
  }
  derive(portion.request, masks_, shares[0], shares[1]);
  for (int party = 0; party < 2; ++party) {
    Channel& channel = *parties[std::size_t(party)];
    for (std::size_t i = 0; i < fields.size(); ++i)
      if (portion.deals(i, party))
        channel.send_array(shares[is_public(fields[i]) ? 0 : party].fields[i], kFields);
    if (!portion.deals_anything(party)) channel.send({}, kFields);
  }
}

void Dealer::deal(const Demand& demand, Channel& party0, Channel& party1) {
  const Digest digest = sha256(demand.text());
  const Channels parties = {&party0, &party1};
  for (int party = 0; party < 2; ++party)
    expect_demand(digest, *parties[std::size_t(party)], party);

  const Block seeds[] = {generator_.next_block(), generator_.next_block()};
  Streams streams = {Generator::from_seed(seeds[0]), Generator::from_seed(seeds[1])};
  for (std::size_t party = 0; party < 2; ++party)
    parties[party]->send_array(std::span(&seeds[party], 1), kSeed);
  auto flushed = std::chrono::steady_clock::now();
  for (const CorrelationRequest& request : demand.requests()) {
    std::size_t words = 0;
    for (const Field& field : layout(request))
      if (field.source == FieldSource::announced) words += field.words;
    std::vector<Ring> announced(words);
    generator_.fill(std::span(announced));
    for (const Portion& portion : portions_of(request)) {
      deal_portion(portion, announced, streams, parties);
      if (std::chrono::steady_clock::now() - flushed < kLongestSilence) continue;
      flush(parties);
      flushed = std::chrono::steady_clock::now();
    }
  }
  flush(parties);
}

void receive_correlations(int party, const Demand& demand, Channel& dealer, CorrelationSink& sink) {
  require(party == 0 || party == 1, "dealer: party {} is not 0 or 1", party);
  const Digest digest = sha256(demand.text());
  dealer.send_array(digest, kDemand);
  Block seed;
  dealer.receive_array(std::span(&seed, 1), kSeed);
  Generator stream = Generator::from_seed(seed);
  for (const CorrelationRequest& request : demand.requests()) {
    CorrelationShare share = unfilled_share(request, party);
    for (const Portion& portion : portions_of(request)) {
      const auto words = [&](std::size_t i) {
        return words_at(share.fields[i], portion.offsets[i], words_of(portion.fields[i], party));
      };
      for (std::size_t i = 0; i < portion.fields.size(); ++i)
        if (!is_dealt(portion.fields[i], party)) stream.fill(words(i));
      for (std::size_t i = 0; i < portion.fields.size(); ++i)
        if (portion.deals(i, party)) dealer.receive_array(words(i), kFields);
      if (!portion.deals_anything(party)) dealer.receive({}, kFields);
    }
    sink.add(request, std::move(share));
  }
}

}  // namespace hush::mpc
