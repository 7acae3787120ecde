// What a process finds out about the others: its launcher, its share of the host, their deaths.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <condition_variable>
#include <map>
#include <mutex>

#include "parallel/launch.h"
#include "parallel/peer_watch.h"
#include "parallel/places.h"
#include "parallel/thread_ranks.h"

namespace hush::parallel {
namespace {

std::optional<Launch> launched(const std::map<std::string, std::string>& environment) {
  return launch_from([&](const char* name) {
    const auto found = environment.find(name);
    return found == environment.end() ? nullptr : found->second.c_str();
  });
}

TEST(LaunchTest, ReadsWhatLaunchersSay) {
  const auto open_mpi = launched({{"OMPI_COMM_WORLD_RANK", "2"}, {"OMPI_COMM_WORLD_SIZE", "3"}});
  ASSERT_TRUE(open_mpi);
  EXPECT_EQ(open_mpi->rank, 2);
  EXPECT_EQ(open_mpi->size, 3);
  EXPECT_EQ(launched({{"PMI_RANK", "0"}, {"PMI_SIZE", "2"}})->launcher, "mpiexec");
  EXPECT_EQ(launched({{"PMIX_RANK", "1"}, {"SLURM_NTASKS", "4"}})->launcher, "srun");
}

TEST(LaunchTest, NothingWithoutALauncher) {
  EXPECT_FALSE(launched({}));
  EXPECT_FALSE(launched({{"SLURM_NTASKS", "4"}}));  // sbatch alone starts one process
  EXPECT_FALSE(launched({{"PMI_RANK", "x"}, {"PMI_SIZE", "2"}}));
  EXPECT_FALSE(launched({{"PMI_RANK", "2"}, {"PMI_SIZE", "2"}}));
}

TEST(PlacesTest, ProcessorsAreSharedByThoseThatMayUseThem) {
  EXPECT_EQ(fair_threads("1111", {"1111", "1111"}), 2);          // not bound
  EXPECT_EQ(fair_threads("1100", {"1100", "0011"}), 2);          // bound apart
  EXPECT_EQ(fair_threads("11", {"11", "11", "11"}), 1);          // more ranks than processors
  EXPECT_EQ(fair_threads("1111", {"1111", "1111", "1111"}), 1);  // what is left over stays idle
  EXPECT_EQ(fair_threads("111", {"111"}), 3);
}

TEST(PlacesTest, RanksOfAHostAreCounted) {
  run_thread_ranks(3, [](Communicator& ranks) {
    const Place place = find_place(ranks);
    EXPECT_EQ(place.index, ranks.rank());
    EXPECT_EQ(place.ranks, 3);
    EXPECT_EQ(place.hosts, 1);
    EXPECT_FALSE(place.host.empty());
    EXPECT_GE(place.threads, 1);
  });
}

pid_t sleeping_child() {
  const pid_t child = ::fork();
  if (child == 0)
    for (;;) ::pause();
  return child;
}

TEST(PeerWatchTest, NoticesADeathAtOnceAndOnlyThat) {
  const std::vector<pid_t> children{sleeping_child(), sleeping_child()};
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::size_t> ended;
  {
    const PeerWatch watch(children, [&](std::size_t i) {
      const std::lock_guard lock(mutex);
      ended.push_back(i);
      changed.notify_all();
    });
    ::kill(children[1], SIGKILL);
    std::unique_lock lock(mutex);
    EXPECT_TRUE(changed.wait_for(lock, std::chrono::seconds(10), [&] { return !ended.empty(); }));
    EXPECT_THAT(ended, testing::ElementsAre(1));
  }
  ::kill(children[0], SIGKILL);  // nobody watches any more
  for (const pid_t child : children) ::waitpid(child, nullptr, 0);
  EXPECT_THAT(ended, testing::ElementsAre(1));
}

TEST(PeerWatchTest, AProcessThatIsNotThereIsLeftOut) {
  const pid_t gone = sleeping_child();
  ::kill(gone, SIGKILL);
  ::waitpid(gone, nullptr, 0);
  const PeerWatch watch({gone}, [](std::size_t) { ADD_FAILURE() << "called"; });
}

}  // namespace
}  // namespace hush::parallel
