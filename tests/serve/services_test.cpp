// The services together: right answers, many clients, and every kind of loss.
#include <thread>

#include "tests/serve/service_fixture.h"

namespace hush::apps::test {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

// What a query is refused with.
std::string refusal(const std::function<void()>& query) {
  try {
    query();
  } catch (const QueryRefused& refused) {
    return refused.what();
  } catch (const Error& error) {
    return std::string("another error: ") + error.what();
  }
  return "answered";
}

TEST_F(Services, AnswerSingleImagesAndBatches) {
  start_all();
  std::unique_ptr<QueryClient> client;
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(ask(client, i));
  for (const std::int64_t count : {2, 4, 7, 16}) ASSERT_TRUE(ask(client, 100, count));
  EXPECT_THAT(counters(0).text(),
              HasSubstr("hush_evaluations_total{batch=\"4\",model=\"linear\"}"));
  EXPECT_THAT(counters(1).text(), HasSubstr("hush_connected{model=\"linear\",to=\"peer\"} 1"));
}

TEST_F(Services, ServeManyClientsAtOnce) {
  start_all();
  std::atomic<int> right = 0;
  std::vector<std::thread> clients;
  for (int c = 0; c < 6; ++c)
    clients.emplace_back([&, c] {
      std::unique_ptr<QueryClient> client;
      for (int i = 0; i < 20; ++i) right += ask(client, 1000 * c + i, 1 + i % 3);
    });
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(right, 6 * 20);
}

// Whatever a server had in hand is lost, what it burnt stays burnt, and nothing is answered wrong.
TEST_F(Services, ServerThatIsRestartedGoesOn) {
  start_all();
  for (const int party : {0, 1}) {
    std::atomic<bool> stop = false;
    std::atomic<int> right = 0;
    std::vector<std::thread> clients;
    for (int c = 0; c < 3; ++c)
      clients.emplace_back([&, c] {
        std::unique_ptr<QueryClient> client;
        for (int i = 0; !stop; ++i) {
          if (ask(client, 1000 * c + i))
            ++right;
          else
            std::this_thread::sleep_for(milliseconds(20));
        }
      });
    const auto wait_for = [&](int more) {
      const auto deadline = ServeClock::now() + std::chrono::seconds(30);
      for (const int goal = right + more; right < goal && ServeClock::now() < deadline;)
        std::this_thread::sleep_for(milliseconds(5));
      EXPECT_LT(ServeClock::now(), deadline);
    };
    wait_for(20);
    stop_server(party);
    start_server(party);
    wait_for(20);
    stop = true;
    for (std::thread& client : clients) client.join();
  }
}

TEST_F(Services, WithoutTheDealerTheStoreIsUsedUpAndThenQueriesAreRefused) {
  options_.stock = 8;
  options_.batches = {1};
  start_all();
  stop_dealer();
  std::unique_ptr<QueryClient> client = std::make_unique<QueryClient>(query_options());
  int answered = 0;
  std::string reason;
  for (int i = 0; i < 30 && reason.empty(); ++i) {
    const std::string got = refusal([&] { (void)client->evaluate(image(i)); });
    if (got == "answered")
      ++answered;
    else
      reason = got;
  }
  EXPECT_GT(answered, 0);
  EXPECT_LE(answered, 12);  // the stock, one that is prepared, two under way and one at hand
  EXPECT_THAT(reason, HasSubstr("correlations are used up and the dealer is not connected"));
  start_dealer();  // a dealer that has lost its masks deals new ones
  wait_until_ready();
}

TEST_F(Services, FullQueueRefusesAtOnce) {
  options_.queue = 4;
  start_all();
  const auto client = std::make_unique<QueryClient>(query_options());
  EXPECT_THAT(refusal([&] { (void)client->evaluate(image(1, 5)); }), HasSubstr("queue is full"));
}

TEST_F(Services, TooManyImagesAndUnknownModelsAreRefused) {
  start_all();
  const auto client = std::make_unique<QueryClient>(query_options());
  EXPECT_THAT(refusal([&] { (void)client->evaluate(image(1, 17)); }),
              HasSubstr("1 to 16 images, not 17"));
  QueryOptions unknown = query_options();
  unknown.model = "resnet";
  EXPECT_THAT(refusal([&] { QueryClient c(unknown); }),
              HasSubstr("there is no such model; this server has: linear"));
  EXPECT_THAT(refusal([&] {
                (void)client->evaluate(Tensor::zeros({1, 3, 2, 1}, DType::float32));
              }),
              HasSubstr("images are"));
}

TEST_F(Services, TooManyClientsAreTurnedAway) {
  options_.clients = 2;
  start_all();
  const QueryClient first(query_options()), second(query_options());
  EXPECT_THAT(refusal([&] { QueryClient third(query_options()); }),
              HasSubstr("too many clients are connected"));
}

TEST_F(Services, ServersOfDifferentModelsRefuseEachOther) {
  start_dealer();
  start_server(0);
  testing::internal::CaptureStderr();
  start_server(1, 2);
  std::this_thread::sleep_for(milliseconds(1500));
  const auto client = std::make_unique<QueryClient>(query_options());
  EXPECT_THAT(refusal([&] { (void)client->evaluate(image(1)); }),
              HasSubstr("the two servers are not connected"));
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              HasSubstr("the two ends differ in options (SHA-256"));
}

TEST_F(Services, AShareThatOnlyOneServerGotIsRefusedInTime) {
  options_.patience = std::chrono::seconds(4);
  start_all();
  const QueryOptions options = query_options();
  const auto link =
      Link::connect(options.servers[0], options.credentials, {"party0"}, milliseconds(2000), {});
  mpc::open_session(link->channel(), client_protocol(mpc::Role::client, mpc::Role::party0));
  send_selection(link->channel(), {random_id(), "linear"});
  ASSERT_TRUE(receive_answer(link->channel()).ok());
  (void)receive_card(link->channel());
  send_request(link->channel(), {1, 1});
  ASSERT_TRUE(receive_answer(link->channel()).ok());
  link->channel().send_array(std::vector<Ring>(4), kImageShares);
  link->channel().flush();
  std::unique_ptr<QueryClient> other;
  const auto before = ServeClock::now();
  EXPECT_TRUE(ask(other, 5) && ask(other, 6, 4));
  EXPECT_LT(ServeClock::now() - before, std::chrono::seconds(3)) << "others must not wait for it";
  const Answer answer = receive_answer(link->channel());
  EXPECT_EQ(answer.verdict, Verdict::busy);
  EXPECT_THAT(answer.reason, HasSubstr("not evaluated in time"));
}

// A second pair of servers, as behind a load balancer.
class OtherPair : public Services {
 public:
  explicit OtherPair(std::shared_ptr<mpc::CertificateAuthority> authority) {
    authority_ = std::move(authority);
    start_all();
  }
  void TestBody() override {}
};

TEST_F(Services, AClientThatReachesServersOfTwoPairsIsToldAtOnce) {
  start_all();
  const OtherPair other(authority_);
  QueryOptions mixed = query_options();
  mixed.servers[1] = other.query_options().servers[1];
  const auto client = std::make_unique<QueryClient>(mixed);
  const auto before = ServeClock::now();
  EXPECT_THAT(refusal([&] { (void)client->evaluate(image(1)); }),
              HasSubstr("are not connected to each other: ask again"));
  EXPECT_LT(ServeClock::now() - before, std::chrono::seconds(5));
  std::unique_ptr<QueryClient> one;
  EXPECT_TRUE(ask(one, 2)) << "nobody waits for the other share";
}

// Both ways of a batch: through memory alone, and by the disk.
TEST_F(Services, AnswerFromMemoryAndFromTheStore) {
  for (const std::uint64_t memory : {std::uint64_t{1}, std::uint64_t{1} << 20}) {
    options_.memory_bytes = memory;
    start_all();
    std::unique_ptr<QueryClient> client;
    for (int i = 0; i < 60; ++i) ASSERT_TRUE(ask(client, i, 1 + i % 4));
    for (const int party : {1, 0}) stop_server(party);
    stop_dealer();
  }
}

TEST_F(Services, ForeignAndMisnamedCertificatesAreRefused) {
  start_all();
  QueryOptions foreign = query_options();
  foreign.credentials = mpc::CertificateAuthority().issue("client");
  EXPECT_THROW(QueryClient{foreign}, mpc::AuthenticationError);
  QueryOptions misnamed = query_options();
  misnamed.credentials = authority_->issue("dealer");
  EXPECT_THROW(QueryClient{misnamed}, mpc::AuthenticationError);
  QueryOptions expired = query_options();
  expired.credentials =
      authority_->issue("client", {-std::chrono::hours(2), -std::chrono::hours(1)});
  EXPECT_THROW(QueryClient{expired}, mpc::AuthenticationError);
}

}  // namespace
}  // namespace hush::apps::test
