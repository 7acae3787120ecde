#include "mpc/offline/dealer.h"

#include <algorithm>

#include "mpc/channel/sha256.h"

namespace hush::mpc {
namespace {

constexpr Tag kDemand{0x0201};
constexpr Tag kSeed{0x0202};
constexpr Tag kFields{0x0203};

// Draws from the party's own stream what is not dealt to it.
void draw_fields(const std::vector<Field>& fields, int party, Generator& stream,
                 CorrelationShare& share) {
  for (std::size_t i = 0; i < fields.size(); ++i)
    if (!is_dealt(fields[i], party)) stream.fill(share.fields[i]);
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

void Dealer::deal(const Demand& demand, Channel& party0, Channel& party1) {
  const Digest digest = sha256(demand.text());
  Channel* const channels[] = {&party0, &party1};
  for (int party = 0; party < 2; ++party) expect_demand(digest, *channels[party], party);

  const Block seeds[] = {generator_.next_block(), generator_.next_block()};
  Generator streams[] = {Generator::from_seed(seeds[0]), Generator::from_seed(seeds[1])};
  for (int party = 0; party < 2; ++party)
    channels[party]->send_array(std::span(&seeds[party], 1), kSeed);
  for (const CorrelationRequest& request : demand.requests()) {
    const std::vector<Field> fields = layout(request);
    CorrelationShare shares[] = {empty_share(request, 0), empty_share(request, 1)};
    for (int party = 0; party < 2; ++party)
      draw_fields(fields, party, streams[party], shares[party]);
    derive(request, generator_, masks_, shares[0], shares[1]);
    for (int party = 0; party < 2; ++party)
      for (std::size_t i = 0; i < fields.size(); ++i)
        if (is_dealt(fields[i], party) && fields[i].words != 0)
          channels[party]->send_array(shares[party].fields[i], kFields);
  }
  party0.flush();
  party1.flush();
}

void receive_correlations(int party, const Demand& demand, Channel& dealer, MemorySource& source) {
  require(party == 0 || party == 1, "dealer: party {} is not 0 or 1", party);
  const Digest digest = sha256(demand.text());
  dealer.send_array(digest, kDemand);
  Block seed;
  dealer.receive_array(std::span(&seed, 1), kSeed);
  Generator stream = Generator::from_seed(seed);
  for (const CorrelationRequest& request : demand.requests()) {
    const std::vector<Field> fields = layout(request);
    CorrelationShare share = empty_share(request, party);
    draw_fields(fields, party, stream, share);
    for (std::size_t i = 0; i < fields.size(); ++i)
      if (is_dealt(fields[i], party) && fields[i].words != 0)
        dealer.receive_array(share.fields[i], kFields);
    source.add(request, std::move(share));
  }
}

}  // namespace hush::mpc
