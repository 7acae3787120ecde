// The correlation store on a real disk and in real processes: who may open it, full disks, and
// kill -9 at random moments.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <set>

#include "tests/mpc/store_fixture.h"

namespace hush::mpc::test {
namespace {

// A directory that goes with the test.
class Folder {
 public:
  explicit Folder(const std::filesystem::path& parent = std::filesystem::temp_directory_path()) {
    std::string name = (parent / "hush-store-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw FileError("no folder for a test: " + name);
    path_ = name;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::filesystem::path file(int party) const { return path_ / fmt::format("party{}", party); }

 private:
  std::filesystem::path path_;
};

// Both parties' stores in one process.
struct DiskStores {
  CorrelationStore store0, store1;
  explicit DiskStores(const Folder& folder)
      : store0(folder.file(0), identity_of(0)), store1(folder.file(1), identity_of(1)) {
    reconcile(store0, store1);
  }
  void append(Ring mark) {
    append_marked(store0, 0, mark);
    append_marked(store1, 1, mark);
  }
};

// What opening the store of party 0 says.
std::string refusal(const Folder& folder) {
  try {
    CorrelationStore store(folder.file(0), identity_of(0));
  } catch (const FileError& error) {
    return error.what();
  }
  return {};
}

TEST(StoreOnDisk, IsPrivateAndLocked) {
  const Folder folder;
  {
    CorrelationStore store(folder.file(0), identity_of(0));
    struct stat facts {};
    ASSERT_EQ(stat(folder.file(0).c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777, 0600u);
    EXPECT_THAT(refusal(folder), testing::HasSubstr("another process has it open"));
  }
  EXPECT_EQ(refusal(folder), "");
  ASSERT_EQ(chmod(folder.file(0).c_str(), 0640), 0);
  EXPECT_THAT(refusal(folder), testing::HasSubstr("chmod 600"));
}

TEST(StoreOnDisk, IsNoLinkAndNoFolder) {
  const Folder folder;
  ASSERT_EQ(symlink("/dev/null", folder.file(0).c_str()), 0);
  EXPECT_THAT(refusal(folder), testing::HasSubstr("cannot open"));
  std::filesystem::remove(folder.file(0));
  std::filesystem::create_directory(folder.file(0));
  EXPECT_THAT(refusal(folder), testing::HasSubstr("cannot open"));
}

// Runs `body` in a child process; its exit status, 255 if it threw.
template <class Body>
int in_child(Body body) {
  const pid_t child = fork();
  if (child == 0) {
    int status = 255;
    try {
      status = body();
    } catch (...) {
      status = 255;
    }
    _exit(status);
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(StoreOnDisk, BelongsToOneProcess) {
  const Folder folder;
  DiskStores stores(folder);
  stores.append(1);
  EXPECT_EQ(in_child([&] {
              try {
                burn_marked(stores.store0);
              } catch (const ArgumentError&) {
                return 1;
              }
              return 0;
            }),
            1);
  EXPECT_EQ(in_child([&] { return refusal(folder).empty() ? 0 : 1; }), 1);
  EXPECT_EQ(burn_marked(stores.store0), 1u);
}

TEST(StoreOnDisk, SurvivesAFullDisk) {
  const Folder folder;
  {
    DiskStores stores(folder);
    stores.append(1);
  }
  const auto size = std::filesystem::file_size(folder.file(0));
  // The limit falls into the batch that is being appended.
  EXPECT_EQ(in_child([&] {
              std::signal(SIGXFSZ, SIG_IGN);
              const rlimit limit{size + 100, size + 100};
              if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 2;
              DiskStores stores(folder);
              try {
                append_marked(stores.store0, 0, 2);
              } catch (const FileError&) {
                return 1;
              }
              return 0;
            }),
            1);
  DiskStores stores(folder);
  EXPECT_EQ(stores.store0.available(), 1u);
  stores.append(3);
  EXPECT_EQ(burn_marked(stores.store0), 1u);
  EXPECT_EQ(burn_marked(stores.store0), 3u);
}

// Appends and burns until it is killed; reports every batch that it was given, after the fact, as
// a protocol that sends something would.
[[noreturn]] void live(const Folder& folder, int report, Ring first_mark) {
  try {
    DiskStores stores(folder);
    for (Ring mark = first_mark;; ++mark) {
      stores.append(mark);
      const Ring used[] = {burn_marked(stores.store0), burn_marked(stores.store1)};
      if (write(report, used, sizeof used) != sizeof used) _exit(1);
    }
  } catch (...) {
    _exit(2);
  }
}

// kill -9 takes no written byte away, so a file system in memory is as good here, and faster. (What
// losing power takes away is in store_test.cpp.)
std::filesystem::path fast_folder() {
  const std::filesystem::path memory = "/dev/shm";
  return access(memory.c_str(), W_OK) == 0 ? memory : std::filesystem::temp_directory_path();
}

TEST(StoreOnDisk, NoBatchIsUsedTwiceOver200Kills) {
  const Folder folder(fast_folder());
  Generator generator = Generator::deterministic_for_tests(11);
  std::set<Ring> used[2];
  const auto note = [&](const Ring(&pair)[2]) {
    EXPECT_EQ(pair[0], pair[1]) << "the parties used different batches";
    for (int p : {0, 1})
      EXPECT_TRUE(used[p].insert(pair[p]).second) << "batch " << pair[p] << " came twice";
  };
  for (int life = 0; life < 200; ++life) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) live(folder, ends[1], Ring(life) * 1'000'000);
    close(ends[1]);
    // Half of the lives end early, the others after a few batches: at any moment of either.
    Ring pair[2];
    for (std::uint64_t batches = generator.next_u64() % 4; batches > 1; --batches)
      if (read(ends[0], pair, sizeof pair) == sizeof pair) note(pair);
    usleep(useconds_t(generator.next_u64() % 4000));
    kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "it ended by itself with " << WEXITSTATUS(status);
    while (read(ends[0], pair, sizeof pair) == sizeof pair) note(pair);
    close(ends[0]);
  }
  EXPECT_GT(used[0].size(), 100u);
  // And one more life, which must find a store in order.
  DiskStores last(folder);
  last.append(Ring{1} << 60);
  const Ring mark = burn_marked(last.store0);
  EXPECT_EQ(mark, burn_marked(last.store1));
  EXPECT_TRUE(used[0].insert(mark).second);
}

}  // namespace
}  // namespace hush::mpc::test
