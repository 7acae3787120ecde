// The client-aided mode: the client itself deals the randomness of its own query (SecureML's
// model), over the connections on which it also sends its input and gets the result.
#include "core/ops/convolution.h"
#include "mpc/online/relu.h"
#include "mpc/online/share.h"
#include "mpc/online/weight_layer.h"
#include "tests/mpc/correlation_conformance.h"
#include "tests/support/two_party.h"

namespace hush::mpc::test {
namespace {

constexpr Tag kInput{0x03e0};
constexpr Tag kResult{0x03e1};

Session session_of(Role role, Role peer) {
  Session session;
  session.role = role;
  session.peer = peer;
  session.id.fill(std::byte{3});
  return session;
}

// Runs the client against both servers over TCP, each in a thread, every connection opened with the
// usual hello. client(to_party0, to_party1), server(party, to_client).
template <class Client, class Server>
void with_client(Client client, Server server) {
  std::array<ChannelPair, 2> links = {make_channels(Link::tcp), make_channels(Link::tcp)};
  const auto serve = [&](int party) {
    const auto own = std::move(links[std::size_t(party)][1]);
    open_session(*own, session_of(Role(party), Role::client));
    server(party, *own);
  };
  in_threads(
      [&] {
        const auto to0 = std::move(links[0][0]);
        const auto to1 = std::move(links[1][0]);
        open_session(*to0, session_of(Role::client, Role::party0));
        open_session(*to1, session_of(Role::client, Role::party1));
        client(*to0, *to1);
      },
      [&] { serve(0); }, [&] { serve(1); });
}

void deal_by_client(const Demand& demand, std::uint64_t /*label*/, Sources& sources) {
  with_client(
      [&](Channel& to0, Channel& to1) {
        Dealer dealer(Generator::from_system());
        dealer.deal(demand, to0, to1);
      },
      [&](int party, Channel& client) {
        receive_correlations(party, demand, client, sources[std::size_t(party)]);
      });
}

INSTANTIATE_TEST_SUITE_P(ClientAided, CorrelationConformance, testing::Values(deal_by_client));
INSTANTIATE_TEST_SUITE_P(ClientAided, ComparisonConformance, testing::Values(deal_by_client));

// A layer with weights that the servers hold in shares, and a ReLU: the client deals, asks and gets
// its answer; the servers talk to each other once the weights' mask is there.
TEST(ClientAided, AnswersAQuery) {
  const WeightLayerOptions layer_options{
      std::make_shared<Linear>(false), {1, 20}, {20, 10}, 5, Ownership::shared};
  const ReluOptions relu_options{ReluMethod::dcf, 64, 16};
  const Shape y_shape{3, 10};
  Demand demand;
  {
    const WeightLayer layer(layer_options);
    layer.demand_set_up(demand);
    layer.demand_run(demand, 3);
    demand_relu(demand, relu_options, 30);
  }
  Generator generator = Generator::deterministic_for_tests(1);
  const Tensor x = Tensor::from({3, 20}, test_numbers(60, 20));
  const Tensor w = Tensor::from({20, 10}, test_numbers(200, 20, 2));
  const auto w_shares = share(w, generator);
  ChannelPair between = make_channels(Link::tcp);
  Tensor answer;

  with_client(
      [&](Channel& to0, Channel& to1) {
        Dealer dealer(Generator::from_system());
        dealer.deal(demand, to0, to1);
        Generator masks = Generator::from_system();
        const auto input = share(x, masks);
        std::array<Share, 2> output;
        Channel* const servers[] = {&to0, &to1};
        for (std::size_t p = 0; p < 2; ++p) {
          servers[p]->send_array(input[p].words(), kInput);
          servers[p]->flush();
        }
        for (std::size_t p = 0; p < 2; ++p) {
          output[p].part = Tensor::empty(y_shape, DType::ring64);
          servers[p]->receive_array(output[p].words(), kResult);
        }
        answer = reveal(output[0], output[1]);
      },
      [&](int id, Channel& client) {
        const auto p = std::size_t(id);
        MemorySource source;
        receive_correlations(id, demand, client, source);
        Party party(id, *between[p], source, Generator::from_system());
        WeightLayer layer(layer_options);
        converse(party, layer.set_up(party, w_shares[p].part));
        PreparedInput prepared = layer.prepare(source, 3);
        const Share input{Tensor::empty({3, 20}, DType::ring64)};
        const Share output{Tensor::empty(y_shape, DType::ring64)};
        client.receive_array(input.words(), kInput);
        converse(party, layer.run(party, std::move(prepared), input, output));
        converse(party, relu(party, relu_options, output.words(), output.words()));
        client.send_array(output.words(), kResult);
        client.flush();
        EXPECT_EQ(source.size(), 0u);
      });

  const auto got = answer.values<Ring>();
  for (std::size_t i = 0; i < got.size(); ++i) {
    Ring sum = 0;
    for (std::size_t k = 0; k < 20; ++k)
      sum += x.values<Ring>()[i / 10 * 20 + k] * w.values<Ring>()[k * 10 + i % 10];
    const Ring expected = signed_value(sum) < 0 ? 0 : sum >> 16;
    EXPECT_LE(got[i] - expected, signed_value(sum) < 0 ? 0u : 1u) << "element " << i;
  }
}

}  // namespace
}  // namespace hush::mpc::test
