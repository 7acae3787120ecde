// Correlation stores for tests: pieces that can be told apart, a disk that loses power, and two
// parties that reconcile.
#pragma once

#include <cstring>
#include <map>

#include "mpc/offline/correlations.h"
#include "mpc/offline/store.h"
#include "tests/mpc/two_party.h"

namespace hush::mpc::test {

inline StoreIdentity identity_of(int party) {
  StoreIdentity identity;
  identity.party = party;
  identity.session.fill(std::byte{7});
  identity.graph = sha256(std::string("a network"));
  identity.provider = "dealer";
  return identity;
}

inline Demand small_demand() {
  Demand demand;
  demand.add(SquarePairs::request(5));
  demand.add(AndTriples::request(3));
  return demand;
}

// Appends a batch whose every word is `mark`.
inline void append_marked(CorrelationStore& store, int party, Ring mark) {
  const Demand demand = small_demand();
  MemorySource source;
  for (const CorrelationRequest& request : demand.requests()) {
    CorrelationShare share = empty_share(request, party);
    for (SecretWords& field : share.fields)
      for (Ring& word : field) word = mark;
    source.add(request, std::move(share));
  }
  store.append(demand, source);
}

// The marks of the next batches, burnt together.
inline std::vector<Ring> burn_marked(CorrelationStore& store, std::size_t count) {
  std::vector<MemorySource> sources(count);
  store.burn(small_demand(), sources);
  std::vector<Ring> marks;
  for (MemorySource& source : sources)
    marks.push_back(source.take(small_demand().requests()[0]).fields[0][0]);
  return marks;
}

// The mark of the next batch.
inline Ring burn_marked(CorrelationStore& store) {
  MemorySource source;
  store.burn(small_demand(), source);
  return source.take(small_demand().requests()[0]).fields[0][0];
}

// A disk in memory. Each write goes to `disk` at once; `crash_image` says what may be left of it.
struct Disk {
  std::vector<std::byte> content;  // as the running program sees it
  std::vector<std::byte> synced;   // what a crash cannot take
  struct Write {
    std::uint64_t offset;
    std::vector<std::byte> bytes;  // of a write; empty for a resize
    std::uint64_t size = 0;        // of a resize
  };
  std::vector<Write> pending;  // since the last sync
  int steps_left = -1;         // the power fails at this many writes and syncs; -1: never
  std::uint64_t most_bytes = ~std::uint64_t{0};
};

struct PowerFailure {};

class MemoryFile final : public StoreFile {
 public:
  explicit MemoryFile(Disk& disk) : disk_(disk) {}

  std::uint64_t size() const override { return disk_.content.size(); }
  void read(std::uint64_t offset, std::span<std::byte> out) const override {
    if (offset > size() || out.size() > size() - offset) throw FileError("read beyond the end");
    std::copy_n(disk_.content.begin() + std::ptrdiff_t(offset), out.size(), out.begin());
  }
  void write(std::uint64_t offset, std::span<const std::byte> bytes) override {
    if (bytes.empty()) return;
    step();
    if (offset + bytes.size() > disk_.most_bytes) throw FileError("disk full");
    disk_.pending.push_back({offset, {bytes.begin(), bytes.end()}});
    apply(disk_.content, disk_.pending.back());
  }
  void sync() override {
    step();
    disk_.synced = disk_.content;
    disk_.pending.clear();
  }
  void resize(std::uint64_t size) override {
    step();
    disk_.pending.push_back({0, {}, size});
    apply(disk_.content, disk_.pending.back());
  }
  void reserve(std::uint64_t offset, std::uint64_t bytes) override {
    if (offset + bytes > disk_.most_bytes) throw FileError("disk full");
  }
  void discard(std::uint64_t offset, std::uint64_t bytes) override {
    write(offset, std::vector<std::byte>(bytes));
  }
  std::string name() const override { return "in memory"; }

  static void apply(std::vector<std::byte>& content, const Disk::Write& write) {
    if (write.bytes.empty()) return content.resize(write.size);
    if (content.size() < write.offset + write.bytes.size())
      content.resize(write.offset + write.bytes.size());
    std::copy(write.bytes.begin(), write.bytes.end(),
              content.begin() + std::ptrdiff_t(write.offset));
  }

 private:
  void step() {
    if (disk_.steps_left == 0) throw PowerFailure();
    if (disk_.steps_left > 0) --disk_.steps_left;
  }
  Disk& disk_;
};

// Two stores agree over a channel.
inline void reconcile(CorrelationStore& store0, CorrelationStore& store1) {
  ChannelPair channels = memory_channels();
  const auto run = [&](CorrelationStore& store, std::size_t party) {
    const auto own = std::move(channels[party]);
    store.reconcile(*own);
    EXPECT_EQ(own->traffic().bytes_sent, 112u);
    EXPECT_EQ(own->traffic().rounds, 2u);
  };
  in_threads([&] { run(store0, 0); }, [&] { run(store1, 1); });
}

}  // namespace hush::mpc::test
