// The correlation store: what it keeps, what it refuses, and what survives damage and power loss.
#include "mpc/offline/store.h"

#include <gmock/gmock.h>

#include <set>

#include "tests/mpc/store_fixture.h"

namespace hush::mpc::test {
namespace {

// Both parties' stores in memory, appended to and burnt in step.
class Stores {
 public:
  explicit Stores(std::array<Disk, 2>& disks) : disks_(disks) { open(); }

  void open() {
    for (int p : {0, 1})
      stores[std::size_t(p)] = std::make_unique<CorrelationStore>(
          std::make_unique<MemoryFile>(disks_[std::size_t(p)]), identity_of(p));
    reconcile(*stores[0], *stores[1]);
  }
  void append(Ring mark) {
    for (int p : {0, 1}) append_marked(*stores[std::size_t(p)], p, mark);
  }
  // Both hand out the same.
  Ring burn() {
    const Ring mark = burn_marked(*stores[0]);
    EXPECT_EQ(burn_marked(*stores[1]), mark);
    return mark;
  }

  std::array<std::unique_ptr<CorrelationStore>, 2> stores;

 private:
  std::array<Disk, 2>& disks_;
};

TEST(Store, HandsOutWhatWasPutInInOrder) {
  std::array<Disk, 2> disks;
  Stores pair(disks);
  for (Ring mark = 100; mark < 105; ++mark) pair.append(mark);
  EXPECT_EQ(pair.stores[0]->available(), 5u);
  EXPECT_EQ(pair.burn(), 100u);
  EXPECT_EQ(pair.burn(), 101u);
  pair.open();
  EXPECT_EQ(pair.stores[0]->next(), 2u);
  EXPECT_EQ(pair.burn(), 102u);
  pair.append(105);
  for (Ring mark = 103; mark < 106; ++mark) EXPECT_EQ(pair.burn(), mark);
  EXPECT_THROW(burn_marked(*pair.stores[0]), CorrelationsExhausted);
}

TEST(Store, KeepsEveryWordOfEveryField) {
  Demand demand;
  demand.add(Selections::request(70, 16));
  demand.add(Comparisons::request(3, 32, 0, ComparisonOutput::bit));
  Dealer dealer(Generator::deterministic_for_tests(1));
  Sources dealt;
  deal_to(demand, dealer, dealt);
  Dealer again(Generator::deterministic_for_tests(1));
  Sources expected;
  deal_to(demand, again, expected);
  std::array<Disk, 2> disks;
  Stores pair(disks);
  for (std::size_t p : {0, 1}) {
    pair.stores[p]->append(demand, dealt[p]);
    MemorySource kept;
    pair.stores[p]->burn(demand, kept);
    for (const CorrelationRequest& request : demand.requests()) {
      const CorrelationShare share = kept.take(request);
      const CorrelationShare original = expected[p].take(request);
      ASSERT_EQ(share.fields.size(), original.fields.size());
      for (std::size_t f = 0; f < share.fields.size(); ++f)
        EXPECT_TRUE(std::equal(share.fields[f].begin(), share.fields[f].end(),
                               original.fields[f].begin(), original.fields[f].end()));
    }
  }
}

TEST(Store, ForgetsWhatItHandedOut) {
  std::array<Disk, 2> disks;
  Stores pair(disks);
  pair.append(0x5ec7e7'5ec7e7);
  const auto holds_mark = [&] {
    const Ring mark = 0x5ec7e7'5ec7e7;
    const auto bytes = std::as_bytes(std::span(&mark, 1));
    const auto& content = disks[0].content;
    return std::search(content.begin(), content.end(), bytes.begin(), bytes.end()) != content.end();
  };
  EXPECT_TRUE(holds_mark());
  pair.burn();
  EXPECT_FALSE(holds_mark());
}

TEST(Store, ReusesTheSpaceOfBurntBatches) {
  std::array<Disk, 2> disks;
  Stores pair(disks);
  pair.append(0);
  const std::size_t size = disks[0].content.size();
  for (Ring mark = 1; mark < 20; ++mark) {
    pair.burn();
    pair.append(mark);
  }
  EXPECT_EQ(disks[0].content.size(), size);
  pair.open();
  EXPECT_EQ(pair.stores[1]->next(), 19u);
  EXPECT_EQ(pair.burn(), 19u);
}

// It is never empty, so that there is no moment at which it could begin anew.
TEST(Store, IsBoundedUnderEndlessLoad) {
  std::array<Disk, 2> disks;
  Stores pair(disks);
  for (Ring mark = 0; mark < 3; ++mark) pair.append(mark);
  const std::size_t size = disks[0].content.size();
  Generator generator = Generator::deterministic_for_tests(3);
  Ring burnt = 0, added = 3;
  for (int step = 0; step < 200; ++step) {
    EXPECT_EQ(pair.burn(), burnt++);
    if (added - burnt > 1 && generator.next_u64() % 2 == 0) {
      EXPECT_EQ(pair.burn(), burnt++);
    }
    while (added - burnt < 3) pair.append(added++);
    if (step % 20 == 7) pair.open();
  }
  EXPECT_EQ(disks[0].content.size(), size);
  EXPECT_EQ(disks[1].content.size(), size);
}

// Batches of several sizes: a place serves any that fits, and nothing is mixed up.
TEST(Store, ReusesPlacesForSmallerBatches) {
  const auto demand_of = [](std::size_t count) {
    Demand demand;
    demand.add(SquarePairs::request(count));
    return demand;
  };
  Disk disk, other;
  auto file = std::make_unique<MemoryFile>(disk);
  CorrelationStore store(std::move(file), identity_of(0));
  CorrelationStore theirs(std::make_unique<MemoryFile>(other), identity_of(1));
  reconcile(store, theirs);
  const auto append = [&](std::size_t count, Ring mark) {
    const CorrelationRequest request = SquarePairs::request(count);
    CorrelationShare share = empty_share(request, 0);
    for (SecretWords& field : share.fields) std::fill(field.begin(), field.end(), mark);
    MemorySource source;
    source.add(request, std::move(share));
    store.append(demand_of(count), source);
  };
  const auto burn = [&](std::size_t count) {
    MemorySource source;
    store.burn(demand_of(count), source);
    return source.take(SquarePairs::request(count)).fields[0][count - 1];
  };
  append(50, 1);
  append(10, 2);
  const std::size_t size = disk.content.size();
  EXPECT_EQ(burn(50), 1u);
  append(20, 3);  // into the place of the first
  EXPECT_EQ(disk.content.size(), size);
  append(60, 4);  // fits nowhere
  EXPECT_GT(disk.content.size(), size);
  EXPECT_EQ(burn(10), 2u);
  EXPECT_EQ(burn(20), 3u);
  EXPECT_EQ(burn(60), 4u);
}

TEST(Store, BurnsSeveralTogether) {
  std::array<Disk, 2> disks;
  Stores pair(disks);
  for (Ring mark = 0; mark < 5; ++mark) pair.append(mark);
  EXPECT_EQ(burn_marked(*pair.stores[0], 3), (std::vector<Ring>{0, 1, 2}));
  pair.open();
  EXPECT_EQ(pair.burn(), 3u) << "all of them are burnt, whether used or not";
  EXPECT_THROW(burn_marked(*pair.stores[0], 2), CorrelationsExhausted);
  EXPECT_THROW(burn_marked(*pair.stores[0], kMostBurnt + 1), ArgumentError);
  EXPECT_EQ(pair.burn(), 4u);
}

TEST(Store, BurnsNothingForAnotherDemand) {
  std::array<Disk, 2> disks;
  Stores pair(disks);
  pair.append(1);
  Demand other = small_demand();
  other.add(SquarePairs::request(1));
  MemorySource source;
  EXPECT_THROW(pair.stores[0]->burn(other, source), ArgumentError);
  EXPECT_EQ(pair.burn(), 1u);
}

TEST(Store, MustBeReconciledFirst) {
  Disk disk;
  CorrelationStore store(std::make_unique<MemoryFile>(disk), identity_of(0));
  EXPECT_THROW(append_marked(store, 0, 1), ArgumentError);
  EXPECT_THROW(burn_marked(store), ArgumentError);
}

TEST(Store, SkipsWhatEitherPartyHasBurnt) {
  std::array<Disk, 2> disks;
  Stores pair(disks);
  for (Ring mark = 0; mark < 5; ++mark) pair.append(mark);
  burn_marked(*pair.stores[0]);
  burn_marked(*pair.stores[0]);
  burn_marked(*pair.stores[1]);
  pair.open();
  EXPECT_EQ(pair.burn(), 2u);
}

// One party crashed before it had appended what the other has.
TEST(Store, DropsBatchesThatOnlyOneHas) {
  std::array<Disk, 2> disks;
  Stores pair(disks);
  pair.append(0);
  append_marked(*pair.stores[1], 1, 1);
  pair.open();
  EXPECT_EQ(pair.stores[1]->available(), 1u);
  pair.append(2);
  EXPECT_EQ(pair.burn(), 0u);
  EXPECT_EQ(pair.burn(), 2u);
}

// An old copy of one party's file: the other's still knows what was burnt.
TEST(Store, OldCopyOfOneStoreIsHarmless) {
  std::array<Disk, 2> disks;
  Stores pair(disks);
  for (Ring mark = 0; mark < 4; ++mark) pair.append(mark);
  const std::vector<std::byte> copy = disks[0].content;
  pair.burn();
  pair.burn();
  disks[0].content = copy;
  pair.open();
  EXPECT_EQ(pair.burn(), 2u);
}

// A store that was made anew, beside an old one of the peer.
TEST(Store, NewStoreGoesOnWhereTheOldOneWas) {
  std::array<Disk, 2> disks;
  Stores pair(disks);
  for (Ring mark = 0; mark < 3; ++mark) pair.append(mark);
  pair.burn();
  disks[0] = Disk();
  pair.open();
  EXPECT_EQ(pair.stores[0]->available(), 0u);
  pair.append(7);
  EXPECT_EQ(pair.stores[0]->next(), 1u);
  EXPECT_EQ(pair.burn(), 7u);
}

TEST(Store, NoticesBatchesOfDifferentOrigin) {
  std::array<Disk, 2> disks;
  {
    Stores pair(disks);
    pair.append(1);
  }
  std::array<Disk, 2> others;
  {
    Stores pair(others);
    pair.append(2);
  }
  std::array<Disk, 2> mixed = {disks[0], others[1]};
  EXPECT_THROW(Stores{mixed}, SessionMismatch);
}

TEST(Store, IsOfOneIdentity) {
  Disk disk;
  { CorrelationStore store(std::make_unique<MemoryFile>(disk), identity_of(0)); }
  std::vector<StoreIdentity> others(4, identity_of(0));
  others[0].party = 1;
  others[1].session[3] = std::byte{1};
  others[2].graph[31] ^= std::byte{1};
  others[3].provider = "ot";
  for (const StoreIdentity& other : others)
    EXPECT_THROW(CorrelationStore(std::make_unique<MemoryFile>(disk), other), SessionMismatch);
  StoreIdentity foreign = identity_of(1);
  foreign.provider = "ot";
  Disk theirs;
  CorrelationStore store0(std::make_unique<MemoryFile>(disk), identity_of(0));
  CorrelationStore store1(std::make_unique<MemoryFile>(theirs), foreign);
  EXPECT_THROW(reconcile(store0, store1), SessionMismatch);
}

TEST(Store, FullDiskChangesNothing) {
  std::array<Disk, 2> disks;
  Stores pair(disks);
  pair.append(1);
  disks[0].most_bytes = disks[0].content.size() + 50;
  EXPECT_THROW(append_marked(*pair.stores[0], 0, 2), FileError);
  EXPECT_THROW(burn_marked(*pair.stores[0]), ArgumentError) << "reconcile again first";
  pair.open();
  EXPECT_EQ(pair.burn(), 1u);
}

// Every bit flip is noticed when the file is opened or the batch is burnt, or changes nothing that
// counts; and none brings back what was burnt.
TEST(Store, BitFlipsNeverGiveAnAnswer) {
  std::array<Disk, 2> disks;
  {
    Stores pair(disks);
    for (Ring mark = 0; mark < 3; ++mark) pair.append(mark);
    pair.burn();
  }
  const std::array<Disk, 2> whole = disks;
  int noticed = 0;
  const auto attempt = [&](std::size_t byte, unsigned bit) {
    disks = whole;
    disks[0].content[byte] ^= std::byte(1u << bit);
    try {
      Stores pair(disks);
      while (pair.stores[0]->available() > 0) {
        const Ring mark = pair.burn();
        EXPECT_TRUE(mark == 1 || mark == 2) << mark << " after a flip in byte " << byte;
      }
    } catch (const StoreDamaged&) {
      ++noticed;
    } catch (const SessionMismatch&) {
      ++noticed;
    }
  };
  const std::size_t size = whole[0].content.size();
  // All of the structure, a bit a byte, without the empty space between.
  for (const std::size_t start : {std::size_t{0}, std::size_t{4096}, std::size_t{8192}})
    for (std::size_t byte = start; byte < start + 160; ++byte) attempt(byte, unsigned(byte % 8));
  for (std::size_t byte = kDataOffset; byte < size; ++byte) attempt(byte, unsigned(byte % 8));
  EXPECT_GT(noticed, 600);
}

TEST(Store, TruncationIsNoticed) {
  std::array<Disk, 2> disks;
  {
    Stores pair(disks);
    for (Ring mark = 0; mark < 3; ++mark) pair.append(mark);
    pair.burn();
  }
  const Disk whole = disks[0];
  for (std::size_t size = kDataOffset; size < whole.content.size(); size += 7) {
    Disk disk = whole;
    disk.content.resize(size);
    EXPECT_THROW(CorrelationStore(std::make_unique<MemoryFile>(disk), identity_of(0)), StoreDamaged)
        << size;
  }
}

// What a crash may leave: the synced bytes and any choice of the later writes, the last one torn.
std::vector<std::byte> crash_image(const Disk& disk, Generator& generator) {
  std::vector<std::byte> image = disk.synced;
  for (const Disk::Write& write : disk.pending) {
    const std::uint64_t luck = generator.next_u64() % 3;
    if (luck == 0) continue;
    Disk::Write done = write;
    if (luck == 1 && !done.bytes.empty())
      done.bytes.resize(1 + generator.next_u64() % done.bytes.size());
    MemoryFile::apply(image, done);
  }
  return image;
}

// Loses power at every write of a long story, with the unsynced writes lost, kept or torn, and
// goes on from what is left. Nothing may ever be handed out twice, nor damaged.
TEST(Store, PowerLossNeverBringsBackABatch) {
  Generator generator = Generator::deterministic_for_tests(5);
  std::set<Ring> used;
  std::array<Disk, 2> disks;
  Ring mark = 0;
  int failures = 0;
  for (int story = 0; story < 400; ++story) {
    Disk& victim = disks[generator.next_u64() % 2];
    victim.steps_left = int(generator.next_u64() % 60);
    try {
      Stores pair(disks);
      for (int act = 0; act < 4; ++act) {
        for (int more = act == 3 ? 0 : 2; more > 0; --more) pair.append(++mark);
        const std::size_t count = act % 2 + 1u;
        const std::vector<Ring> burnt = burn_marked(*pair.stores[0], count);
        EXPECT_EQ(burn_marked(*pair.stores[1], count), burnt);
        for (const Ring one : burnt) {
          EXPECT_TRUE(used.insert(one).second) << "batch " << one << " came twice";
          EXPECT_TRUE(one >= 1 && one <= mark);
        }
      }
    } catch (const PowerFailure&) {
      ++failures;
    } catch (const ChannelError&) {  // the other party's view of it
      ++failures;
    }
    victim.steps_left = -1;
    victim.content = crash_image(victim, generator);
    victim.synced = victim.content;
    victim.pending.clear();
  }
  EXPECT_GT(failures, 150);
  EXPECT_GT(used.size(), 100u);
}

}  // namespace
}  // namespace hush::mpc::test
