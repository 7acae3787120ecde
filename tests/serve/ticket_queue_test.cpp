// The queue of queries and the supply of correlations, on their own.
#include "apps/serve/ticket_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "apps/serve/supply.h"

namespace hush::apps::test {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

Tickets tickets(int count, std::uint64_t request = 1) {
  Tickets result;
  for (int i = 0; i < count; ++i) {
    result.push_back(std::make_shared<Ticket>());
    result.back()->id = {{}, request, std::uint32_t(i)};
    result.back()->deadline = ServeClock::now() + std::chrono::seconds(10);
  }
  return result;
}

TEST(TicketQueue, IsClosedUntilOpened) {
  TicketQueue queue(4);
  EXPECT_EQ(queue.reserve(1).verdict, Verdict::unavailable);
  queue.set_state({});
  EXPECT_TRUE(queue.reserve(1).ok());
}

TEST(TicketQueue, PlacesComeBackWhenTicketsEnd) {
  TicketQueue queue(3);
  queue.set_state({});
  EXPECT_TRUE(queue.reserve(2).ok());
  const Answer full = queue.reserve(2);
  EXPECT_EQ(full.verdict, Verdict::busy);
  EXPECT_THAT(full.reason, HasSubstr("2 of 3 places"));
  const Tickets two = tickets(2);
  queue.add(two);
  queue.finish(queue.take(two[0]->id), mpc::SecretWords(1), {});
  queue.refuse_all({Verdict::lost, "gone"});
  queue.wait(two);
  EXPECT_TRUE(two[0]->answer.ok());
  EXPECT_EQ(two[1]->answer.verdict, Verdict::lost);
  EXPECT_EQ(queue.places_taken(), 0u);
  EXPECT_TRUE(queue.reserve(3).ok());
  queue.release(3);
  EXPECT_EQ(queue.places_taken(), 0u);
}

TEST(TicketQueue, HandsOutEachTicketOnce) {
  TicketQueue queue(8);
  queue.set_state({});
  ASSERT_TRUE(queue.reserve(3).ok());
  const Tickets three = tickets(3);
  queue.add(three);
  EXPECT_EQ(queue.waiting(2).size(), 2u);
  EXPECT_EQ(queue.take(three[1]->id), three[1]);
  EXPECT_EQ(queue.take(three[1]->id), nullptr);
  EXPECT_EQ(queue.waiting(8), (Tickets{three[0], three[2]}));
  ASSERT_TRUE(queue.reserve(1).ok());
  const Tickets twin = tickets(1);
  queue.add(twin);
  EXPECT_EQ(twin[0]->answer.verdict, Verdict::refused) << "its number is waiting already";
}

TEST(TicketQueue, OnlyLateTicketsAreRefusedAsLate) {
  TicketQueue queue(8);
  queue.set_state({});
  ASSERT_TRUE(queue.reserve(2).ok());
  const Tickets two = tickets(2);
  two[1]->deadline = ServeClock::now() - milliseconds(1);
  queue.add(two);
  queue.refuse_late(ServeClock::now(), {Verdict::busy, "late"});
  EXPECT_FALSE(two[0]->ended);
  EXPECT_EQ(two[1]->answer.reason, "late");
}

TEST(TicketQueue, TicketsThatComeTooLateEndAtOnce) {
  TicketQueue queue(8);
  queue.set_state({});
  ASSERT_TRUE(queue.reserve(1).ok());
  queue.set_state({Verdict::stopping, "the server shuts down"});
  const Tickets one = tickets(1);
  queue.add(one);
  queue.wait(one);
  EXPECT_EQ(one[0]->answer.verdict, Verdict::stopping);
}

TEST(TicketQueue, WakesWhoWaits) {
  TicketQueue queue(8);
  queue.set_state({});
  std::thread other([&] { queue.wake(); });
  EXPECT_FALSE(queue.wait_for_work(std::chrono::minutes(1)));
  other.join();
  ASSERT_TRUE(queue.reserve(1).ok());
  queue.add(tickets(1));
  EXPECT_TRUE(queue.wait_for_work(std::chrono::minutes(1)));
}

std::shared_ptr<Dealt> batch(std::uint32_t lane, std::uint64_t number) {
  auto dealt = std::make_shared<Dealt>();
  dealt->lane = lane;
  dealt->number = number;
  return dealt;
}

TEST(Supply, FillsTheLaneThatIsCalledForAndThenTheEmptiest) {
  Supply supply({4, 2});
  supply.set_called_for(1);
  EXPECT_EQ(supply.wait_for_want(milliseconds(0)), 1u);
  supply.set_stock(1, 2);
  EXPECT_EQ(supply.wait_for_want(milliseconds(0)), 0u);
  supply.set_stock(0, 3);
  EXPECT_EQ(supply.wait_for_want(milliseconds(0)), 0u);
  supply.set_stock(0, 4);
  EXPECT_EQ(supply.wait_for_want(milliseconds(0)), std::nullopt);
}

TEST(Supply, KeepsFewBatchesInMemory) {
  Supply supply({100});
  supply.begin_session(random_id(), false);
  supply.push(batch(0, 0));
  EXPECT_EQ(supply.wait_for_want(milliseconds(0)), 0u);
  supply.push(batch(0, 1));
  EXPECT_EQ(supply.wait_for_want(milliseconds(0)), std::nullopt);
  supply.drop(supply.front());
  EXPECT_EQ(supply.wait_for_want(milliseconds(0)), 0u);
}

TEST(Supply, WhatAnotherSessionDealtIsGone) {
  Supply supply({100});
  const Id first = random_id(), second = random_id();
  supply.begin_session(first, false);
  for (std::uint64_t number = 0; number < 3; ++number) supply.push(batch(0, number));
  EXPECT_EQ(supply.take(second, 1), nullptr);
  ASSERT_NE(supply.take(first, 1), nullptr);
  EXPECT_EQ(supply.take(first, 0), nullptr) << "older ones are dropped with it";
  EXPECT_EQ(supply.front()->number, 2u);
  supply.begin_session(second, true);
  EXPECT_EQ(supply.front(), nullptr);
  EXPECT_TRUE(supply.expects_masks());
}

}  // namespace
}  // namespace hush::apps::test
