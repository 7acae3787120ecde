// Runs a network in the clear and on shares, both parties and the dealer as threads of the test.
#pragma once

#include <cmath>
#include <random>

#include "core/autograd.h"
#include "core/passes.h"
#include "mpc/secure/model.h"
#include "tests/mpc/two_party.h"

namespace hush::mpc::test {

inline Tensor random_images(const Shape& shape, std::uint64_t seed = 1) {
  std::mt19937_64 random(seed);
  std::normal_distribution<float> normal;
  const Tensor images = Tensor::empty(shape, DType::float32);
  for (float& value : images.values<float>()) value = normal(random);
  return images;
}

struct SecureRun {
  Tensor clear, secure;  // logits
  Cost set_up, query;
  double largest_error() const {
    double error = 0;
    for (std::size_t i = 0; i < clear.values<float>().size(); ++i) {
      EXPECT_TRUE(std::isfinite(clear.values<float>()[i]));
      error = std::max(
          error, std::abs(double(clear.values<float>()[i]) - double(secure.values<float>()[i])));
    }
    return error;
  }
};

// What party `id` loads.
inline SecureWeights weights_of_party(const SecureNetwork& network, int id) {
  if (network.options().weights == WeightMode::shared) {
    Generator generator = Generator::deterministic_for_tests(55);
    return share_weights(network.weights(), generator)[std::size_t(id)];
  }
  if (network.options().weights == WeightMode::owner && id == 1) return {};
  return network.weights();
}

// Sets up once and infers `images` in queries of `batch`; expects every correlation to be used.
inline SecureRun run_secure(const Graph& graph, const SecureOptions& options, const Tensor& images,
                            std::int64_t batch) {
  const SecureNetwork network(graph, options);
  const std::int64_t count = images.shape()[0];
  Demand demand = network.demand_set_up();
  for (std::int64_t first = 0; first < count; first += batch) demand.add(network.demand(batch));
  Generator generator = Generator::deterministic_for_tests(4);
  const auto inputs = share(network.encode_images(images), generator);
  std::array<Tensor, 2> logits;
  std::array<std::array<Traffic, 3>, 2> traffic;
  run_dealt(demand, [&](Party& party) {
    const auto id = std::size_t(party.id());
    SecureModel model(network);
    traffic[id][0] = party.channel().traffic();
    converse(party, model.set_up(party, weights_of_party(network, party.id())));
    traffic[id][1] = party.channel().traffic();
    logits[id] = Tensor::empty(network.output_shape(count), DType::ring64);
    for (std::int64_t first = 0; first < count; first += batch) {
      PreparedQuery query = model.prepare(party.source(), batch);
      const Share y{Tensor::empty(network.output_shape(batch), DType::ring64)};
      converse(party,
               model.infer(party, std::move(query), Share{inputs[id].part.rows(first, batch)}, y));
      logits[id].rows(first, batch).assign(y.part);
      if (first == 0) traffic[id][2] = party.channel().traffic();
    }
  });
  SecureRun run;
  run.clear = evaluate(fold_for_inference(graph), std::vector<Tensor>{images});
  run.secure = network.decode_logits(reveal(Share{logits[0]}, Share{logits[1]}));
  const auto between = [&](std::size_t from, std::size_t to) {
    std::array<Traffic, 2> t;
    for (std::size_t id = 0; id < 2; ++id) t[id] = traffic[id][to] - traffic[id][from];
    const auto rounds = [&](std::size_t at) {
      return std::max(traffic[0][at].rounds, traffic[1][at].rounds);
    };
    return Cost{rounds(to) - rounds(from), {t[0].bytes_sent, t[1].bytes_sent}};
  };
  run.set_up = between(0, 1);
  run.query = between(1, 2);
  EXPECT_EQ(run.set_up, network.cost_set_up());
  EXPECT_EQ(run.query, network.cost(batch));
  return run;
}

}  // namespace hush::mpc::test
