// Runs both parties of a protocol, and a dealer before them, as threads of the test.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <exception>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "mpc/channel/digest_channel.h"
#include "mpc/offline/cost.h"
#include "mpc/offline/dealer.h"
#include "mpc/online/conversation.h"
#include "tests/mpc/recording_channel.h"
#include "tests/support/two_party.h"

namespace hush::mpc::test {

inline ChannelPair memory_channels() {
  return make_channels(Link::memory);
}

// Runs the functions in threads and rethrows the first error after all have ended.
template <class... F>
void in_threads(F&&... functions) {
  std::array<std::exception_ptr, sizeof...(F)> errors;
  std::size_t next = 0;
  const auto guarded = [](auto& function, std::exception_ptr& error) {
    return std::thread([&function, &error] {
      try {
        function();
      } catch (...) {
        error = std::current_exception();
      }
    });
  };
  std::thread threads[] = {guarded(functions, errors[next++])...};
  for (std::thread& thread : threads) thread.join();
  for (const std::exception_ptr& error : errors)
    if (error) std::rethrow_exception(error);
}

using Sources = std::array<MemorySource, 2>;

// Deals over channels, as three processes would. Closes each end when its side is done or fails.
inline void deal_to(const Demand& demand, Dealer& dealer, Sources& sources) {
  std::array<ChannelPair, 2> channels = {memory_channels(), memory_channels()};
  const auto receive = [&](int party) {
    const auto own = std::move(channels[std::size_t(party)][1]);
    receive_correlations(party, demand, *own, sources[std::size_t(party)]);
    EXPECT_EQ(own->traffic().bytes_received, demand.dealt_bytes(party));
  };
  in_threads(
      [&] {
        const auto to0 = std::move(channels[0][0]);
        const auto to1 = std::move(channels[1][0]);
        dealer.deal(demand, *to0, *to1);
      },
      [&] { receive(0); }, [&] { receive(1); });
}

struct PartyResult {
  Traffic traffic;
  Digest digest{};         // of all messages, their tags and sizes
  std::vector<Ring> sent;  // their words
};

// Runs f(party) for both, over memory, with deterministic randomness. `label` varies it.
template <class F>
std::array<PartyResult, 2> run_parties(Sources& sources, F f, std::uint64_t label = 0) {
  ChannelPair channels = memory_channels();
  std::array<PartyResult, 2> results;
  const auto run = [&](int id) {
    const auto own = std::move(channels[std::size_t(id)]);
    RecordingChannel recorder(*own);
    DigestChannel digest(recorder);
    Party party(id, digest, sources[std::size_t(id)],
                Generator::deterministic_for_tests(100 + 2 * label + std::uint64_t(id)));
    f(party);
    results[std::size_t(id)] = {own->traffic(), digest.digest(), recorder.words()};
  };
  in_threads([&] { run(0); }, [&] { run(1); });
  return results;
}

// Deals `demand` and runs f; expects that all of it was used.
template <class F>
std::array<PartyResult, 2> run_dealt(const Demand& demand, F f, std::uint64_t label = 0) {
  Sources sources;
  Dealer dealer(Generator::deterministic_for_tests(7000 + label));
  deal_to(demand, dealer, sources);
  auto results = run_parties(sources, std::move(f), label);
  for (const MemorySource& source : sources)
    EXPECT_EQ(source.size(), 0u) << "more correlations demanded than used";
  return results;
}

inline Cost cost_of(const std::array<PartyResult, 2>& results) {
  return {std::max(results[0].traffic.rounds, results[1].traffic.rounds),
          {results[0].traffic.bytes_sent, results[1].traffic.bytes_sent}};
}

// Words of a secret and its two random parts.
struct SharedWords {
  std::vector<Ring> secret;
  std::array<std::vector<Ring>, 2> parts;

  explicit SharedWords(std::vector<Ring> words, std::uint64_t label = 1)
      : secret(std::move(words)) {
    Generator generator = Generator::deterministic_for_tests(9000 + label);
    for (auto& part : parts) part.resize(secret.size());
    generator.fill(std::span(parts[0]));
    for (std::size_t i = 0; i < secret.size(); ++i) parts[1][i] = secret[i] - parts[0][i];
  }
  std::span<const Ring> part(const Party& party) const { return parts[std::size_t(party.id())]; }
};

// Where both parties put their parts of a result.
struct ResultWords {
  std::array<std::vector<Ring>, 2> parts;

  explicit ResultWords(std::size_t count) {
    for (auto& part : parts) part.resize(count);
  }
  std::span<Ring> part(const Party& party) { return parts[std::size_t(party.id())]; }
  std::vector<Ring> sum() const {
    std::vector<Ring> sum = parts[0];
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += parts[1][i];
    return sum;
  }
  std::vector<Ring> exclusive_sum() const {
    std::vector<Ring> sum = parts[0];
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] ^= parts[1][i];
    return sum;
  }
};

#ifdef __SANITIZE_ADDRESS__
inline constexpr std::size_t kManyElements = 20'000;
#else
inline constexpr std::size_t kManyElements = 1'000'000;
#endif

// `count` numbers of -2^bits … 2^bits of all magnitudes, the edges and powers of two first.
inline std::vector<Ring> test_numbers(std::size_t count, unsigned bits, std::uint64_t label = 1) {
  std::vector<Ring> numbers = {0,
                               1,
                               ~Ring{0},
                               (Ring{1} << bits) - 1,
                               Ring{0} - (Ring{1} << bits),
                               Ring{1} - (Ring{1} << bits)};
  for (unsigned bit = 1; bit < bits; ++bit)
    for (const Ring distance : {Ring{0}, Ring{1}, ~Ring{0}}) {
      numbers.push_back((Ring{1} << bit) + distance);
      numbers.push_back(Ring{0} - (Ring{1} << bit) + distance);
    }
  Generator generator = Generator::deterministic_for_tests(8000 + label);
  while (numbers.size() < count) {
    const Ring word = generator.next_u64();
    const unsigned magnitude = unsigned(word & 63) % bits;
    const Ring low = generator.next_u64() & ((Ring{2} << magnitude) - 1);
    numbers.push_back((word >> 63) != 0 ? low : Ring{0} - low);
  }
  numbers.resize(count);
  return numbers;
}

inline std::int64_t signed_value(Ring x) {
  return std::int64_t(x);
}

}  // namespace hush::mpc::test
