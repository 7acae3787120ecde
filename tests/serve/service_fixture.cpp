#include "tests/serve/service_fixture.h"

#include <thread>

namespace hush::apps::test {
namespace {

using std::chrono::milliseconds;

Tensor plain_weights(int factor) {
  Tensor w = Tensor::empty({4, kClasses}, DType::ring64);
  for (std::int64_t i = 0; i < 4; ++i)
    for (std::int64_t c = 0; c < kClasses; ++c)
      w.values<Ring>()[std::size_t(i * kClasses + c)] = Ring(factor * (3 * i - 5 * c + 1));
  return w;
}

struct PreparedLinear final : Evaluator::Prepared {
  explicit PreparedLinear(mpc::PreparedInput given) : input(std::move(given)) {}
  mpc::PreparedInput input;
};

}  // namespace

LinearNetwork::LinearNetwork(int party, int factor) {
  options_.op = std::make_shared<Linear>(false);
  options_.x = {1, 4};
  options_.w = {4, kClasses};
  options_.mask = 1;
  layer_ = std::make_unique<mpc::WeightLayer>(options_);
  auto generator = mpc::Generator::deterministic_for_tests(7);
  weights_ = mpc::share(plain_weights(factor), generator)[std::size_t(party)].part;
}

mpc::Demand LinearNetwork::mask_demand() const {
  mpc::Demand demand;
  layer_->demand_set_up(demand);
  return demand;
}

mpc::Demand LinearNetwork::batch_demand(std::int64_t rows) const {
  mpc::Demand demand;
  layer_->demand_run(demand, rows);
  return demand;
}

void LinearNetwork::set_up(mpc::Party& party) {
  layer_ = std::make_unique<mpc::WeightLayer>(options_);
  mpc::converse(party, layer_->set_up(party, weights_));
}

std::unique_ptr<Evaluator::Prepared> LinearNetwork::prepare(mpc::CorrelationSource& source,
                                                            std::int64_t rows) {
  return std::make_unique<PreparedLinear>(layer_->prepare(source, rows));
}

Tensor LinearNetwork::run(mpc::Party& party, std::unique_ptr<Prepared> prepared,
                          const Tensor& images) {
  const std::int64_t rows = images.shape()[0];
  mpc::Share x{images.reshaped(layer_->input_shape(rows))};
  mpc::Share y{Tensor::empty(layer_->output_shape(rows), DType::ring64)};
  auto& linear = dynamic_cast<PreparedLinear&>(*prepared);
  mpc::converse(party, layer_->run(party, std::move(linear.input), x, y));
  return y.part;
}

Services::Services() : dealer_port_(free_port()), ports_{free_port(), free_port()} {}

Services::~Services() {
  stop_server(1);
  stop_server(0);
  stop_dealer();
}

mpc::Session Services::session(int factor) const {
  mpc::Session session;
  session.graph = mpc::sha256(std::string("linear"));
  session.options = mpc::sha256(fmt::format("factor {}", factor));
  return session;
}

std::filesystem::path Services::state(int party) const {
  return folder_.path() / fmt::format("party{}", party);
}

void Services::start_dealer() {
  std::vector<DealerModel> models;
  const LinearNetwork network(0);
  ModelDemand demand{network.mask_demand(), {}};
  for (const std::size_t batch : options_.batches)
    demand.batches.push_back(network.batch_demand(std::int64_t(batch)));
  models.push_back({"linear", session(1), std::move(demand)});
  dealer_ = std::make_unique<DealerService>(std::move(models), dealer_counters_);
  AcceptorOptions accepting{
      {"127.0.0.1", dealer_port_}, authority_->issue("dealer"), {"party0", "party1"}, 8, {}};
  dealer_acceptor_ = std::make_unique<Acceptor>(std::move(accepting),
                                                [this](const auto& link) { dealer_->serve(link); });
}

void Services::stop_dealer() {
  if (dealer_) dealer_->stop();
  dealer_acceptor_.reset();
  dealer_.reset();
}

void Services::start_server(int party, int factor) {
  ServerOptions options;
  options.party = party;
  options.listen.port = ports_[std::size_t(party)];
  options.peer.port = ports_[std::size_t(1 - party)];
  options.dealer.port = dealer_port_;
  options.credentials = authority_->issue(party == 0 ? "party0" : "party1");
  options.state = state(party);
  options.stock = options_.stock;
  options.memory_bytes = options_.memory_bytes;
  options.queue = options_.queue;
  options.clients = options_.clients;
  options.limits.patience = options_.patience;
  ModelCard card;
  card.name = "linear";
  card.info.model = "linear";
  card.info.classes = kClasses;
  card.info.image = kImage;
  card.info.mean = card.info.std = {1};
  card.image_bits = card.result_bits = kBits;
  ServerModel model;
  model.name = "linear";
  model.card = card.text();
  model.image = kImage;
  model.classes = kClasses;
  model.session = session(factor);
  model.binding = model.session.options;
  model.evaluator = std::make_unique<LinearNetwork>(party, factor);
  model.batches = options_.batches;
  std::vector<ServerModel> models;
  models.push_back(std::move(model));
  auto& counters = counters_[std::size_t(party)];
  if (!counters) counters = std::make_unique<ServerCounters>();
  servers_[std::size_t(party)] =
      std::make_unique<Server>(std::move(options), std::move(models), *counters);
}

void Services::start_all() {
  start_dealer();
  start_server(0);
  start_server(1);
  wait_until_ready();
}

void Services::wait_until_ready() {
  std::unique_ptr<QueryClient> client;
  const auto deadline = ServeClock::now() + std::chrono::seconds(30);
  while (!ask(client, 1) && ServeClock::now() < deadline)
    std::this_thread::sleep_for(milliseconds(20));
  ASSERT_LT(ServeClock::now(), deadline) << "the services are not ready";
}

QueryOptions Services::query_options() const {
  QueryOptions options;
  for (std::size_t party = 0; party < 2; ++party) options.servers[party].port = ports_[party];
  options.credentials = authority_->issue("client");
  return options;
}

Tensor Services::image(int seed, std::int64_t count) {
  Tensor images = Tensor::empty(kImage.with(0, count), DType::float32);
  int at = 0;
  for (float& value : images.values<float>())
    value = float((seed * 31 + at++ * 17) % 200 - 100) / 4;
  return images;
}

Tensor Services::expected(const Tensor& images) {
  const Tensor w = plain_weights(1);
  const std::int64_t count = images.shape()[0];
  Tensor y = Tensor::zeros({count, kClasses}, DType::float32);
  for (std::int64_t n = 0; n < count; ++n)
    for (std::int64_t c = 0; c < kClasses; ++c)
      for (std::int64_t i = 0; i < 4; ++i)
        y.values<float>()[std::size_t(n * kClasses + c)] +=
            images.values<float>()[std::size_t(n * 4 + i)] *
            float(std::int64_t(w.values<Ring>()[std::size_t(i * kClasses + c)]));
  return y;
}

bool Services::ask(std::unique_ptr<QueryClient>& client, int seed, std::int64_t count) {
  const Tensor images = image(seed, count);
  try {
    if (!client) client = std::make_unique<QueryClient>(query_options());
    const Tensor got = client->evaluate(images);
    const Tensor right = expected(images);
    for (std::size_t i = 0; i < std::size_t(right.elements()); ++i)
      EXPECT_EQ(got.values<float>()[i], right.values<float>()[i]) << "image " << seed;
    return true;
  } catch (const QueryRefused& refused) {
    EXPECT_NE(std::string(refused.what()), "");
    EXPECT_TRUE(refused.worth_another_try()) << refused.what();
  } catch (const mpc::ChannelError&) {
  }
  client.reset();
  return false;
}

std::uint16_t free_port() {
  return mpc::Listener(mpc::Address{}, mpc::Reach::loopback_only).port();
}

}  // namespace hush::apps::test
