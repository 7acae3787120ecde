// Messages survive the way, and bytes that mean nothing are refused.
#include "apps/serve/messages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "apps/serve/model_card.h"
#include "mpc/channel/framed_channel.h"
#include "mpc/channel/memory_transport.h"

namespace hush::apps::test {
namespace {

using testing::HasSubstr;

struct Pair {
  Pair() {
    auto [first, second] = mpc::make_memory_transports();
    a = std::make_unique<mpc::FramedChannel>(std::move(first));
    b = std::make_unique<mpc::FramedChannel>(std::move(second));
    b->set_timeout(std::chrono::milliseconds(2000));
  }
  std::unique_ptr<mpc::FramedChannel> a, b;
};

TEST(Messages, ArriveAsTheyWere) {
  Pair pair;
  send_answer(*pair.a, {Verdict::busy, "the queue is full"});
  const Answer answer = receive_answer(*pair.b);
  EXPECT_EQ(answer.verdict, Verdict::busy);
  EXPECT_EQ(answer.reason, "the queue is full");

  const Selection selection{random_id(), "resnet"};
  send_selection(*pair.a, selection);
  const Selection selected = receive_selection(*pair.b);
  EXPECT_EQ(selected.session, selection.session);
  EXPECT_EQ(selected.model, "resnet");

  Step step{StepKind::run, 3, random_id(), 1ULL << 40, 4, {}};
  for (std::uint32_t i = 0; i < kMaxBatch; ++i) step.slots.push_back({random_id(), 7, i});
  send_step(*pair.a, step);
  const Step got = receive_step(*pair.b);
  EXPECT_EQ(got.kind, step.kind);
  EXPECT_EQ(got.lane, step.lane);
  EXPECT_EQ(got.deal, step.deal);
  EXPECT_EQ(got.number, step.number);
  EXPECT_EQ(got.count, step.count);
  EXPECT_EQ(got.slots, step.slots);

  const std::vector<Stamp> stamps = {{random_id(), 5, 1}, {random_id(), 6, 0}};
  send_stamps(*pair.a, stamps);
  pair.a->flush();
  EXPECT_EQ(receive_stamps(*pair.b, 2), stamps);

  send_card(*pair.a, std::string(kMaxCard, 'x'));
  EXPECT_EQ(receive_card(*pair.b).size(), kMaxCard);
}

// Sends raw bytes under a tag, and returns what `receive` says of them.
template <class Receive>
std::string error_of(const std::vector<std::uint8_t>& bytes, int tag, Receive receive) {
  Pair pair;
  pair.a->send_array(bytes, mpc::Tag(tag));
  pair.a->flush();
  try {
    (void)receive(*pair.b);
  } catch (const mpc::ProtocolViolation& error) {
    return error.what();
  }
  return "none";
}

TEST(Messages, BytesThatMeanNothingAreRefused) {
  std::vector<std::uint8_t> answer(kAnswerBytes);
  answer[0] = 6;
  EXPECT_THAT(error_of(answer, 0x0401, receive_answer), HasSubstr("no verdict 6"));
  std::vector<std::uint8_t> step(1832);
  step[0] = 9;
  EXPECT_THAT(error_of(step, 0x0404, receive_step), HasSubstr("no step 9"));
  step[0] = 6;
  step[36] = 65;  // slots
  EXPECT_THAT(error_of(step, 0x0404, receive_step), HasSubstr("a step of 65 images"));
  std::vector<std::uint8_t> card(8);
  card[3] = 1;  // 16 MiB
  EXPECT_THAT(error_of(card, 0x0412, receive_card), HasSubstr("description of 16777216 bytes"));
  EXPECT_THAT(error_of({1, 2, 3}, 0x0414, receive_request), HasSubstr("the last 12 were due"));
}

TEST(Messages, TextOfStrangersIsPrintable) {
  Pair pair;
  send_answer(*pair.a, {Verdict::refused, std::string("\x1b[2Jno\n") + std::string(500, 'x')});
  const Answer answer = receive_answer(*pair.b);
  EXPECT_EQ(answer.reason.substr(0, 7), "?[2Jno?");
  EXPECT_EQ(answer.reason.size(), kAnswerBytes - 4);
}

ModelCard card() {
  ModelCard card;
  card.name = "small";
  card.info.classes = 2;
  card.info.image = {1, 4, 4, 1};
  card.info.mean = card.info.std = {0.5f};
  card.info.class_names = {"yes", "no"};
  card.result_factor = 0.25;
  return card;
}

TEST(ModelCard, ReadsWhatItWrote) {
  const ModelCard got = ModelCard::parse(card().text());
  EXPECT_EQ(got.name, "small");
  EXPECT_EQ(got.info.image, card().info.image);
  EXPECT_EQ(got.info.class_names, card().info.class_names);
  EXPECT_EQ(got.result_factor, 0.25);
}

TEST(ModelCard, CardsThatNoModelHasAreRefused) {
  const auto refused = [](auto change) {
    ModelCard wrong = card();
    change(wrong);
    EXPECT_THROW(ModelCard::parse(wrong.text()), FileError);
  };
  refused([](ModelCard& c) { c.info.image = {1, 1 << 20, 1 << 20, 1}; });
  refused([](ModelCard& c) { c.info.classes = 0; });
  refused([](ModelCard& c) { c.info.mean = {}; });
  refused([](ModelCard& c) { c.image_bits = -1; });
  refused([](ModelCard& c) { c.result_bits = 63; });
  refused([](ModelCard& c) { c.result_factor = 0; });
  refused([](ModelCard& c) { c.most_images = 1000; });
  for (const char* text : {"", "{}", "[1]", "{\"name\":3}"})
    EXPECT_THROW(ModelCard::parse(text), FileError) << text;
}

}  // namespace
}  // namespace hush::apps::test
