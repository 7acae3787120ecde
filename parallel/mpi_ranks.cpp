#include "parallel/mpi_ranks.h"

#include <mpi.h>
#include <unistd.h>

#include <chrono>
#include <climits>
#include <deque>
#include <optional>
#include <thread>

#include "parallel/host_board.h"
#include "parallel/peer_watch.h"

namespace hush::parallel {
namespace {

// Consecutive slices of `count` elements, one a rank, as MPI wants them.
struct Slices {
  std::vector<int> counts, offsets;

  Slices(std::int64_t count, int ranks) {
    for (int r = 0; r < ranks; ++r) {
      offsets.push_back(int(count * r / ranks));
      counts.push_back(int(count * (r + 1) / ranks) - offsets.back());
    }
  }
};

// A sum under way. MPI reads the arrays until its call is complete, so it stays where it is.
struct Sum {
  Tensor values, host;  // the same memory on the CPU
  Slices slices;
  std::vector<float> received;  // this rank's slice of each rank's values
  std::vector<int> received_counts, received_offsets;
  enum class Stage { scatter, gather, done } stage = Stage::scatter;
  MPI_Request request = MPI_REQUEST_NULL;
};

// What a wait does between two looks: nothing, then others' work, then sleep.
class Patience {
 public:
  void wait() {
    ++looks_;
    if (looks_ < 300) return;
    if (looks_ < 3000)
      std::this_thread::yield();
    else
      std::this_thread::sleep_for(std::chrono::microseconds(50));
  }

 private:
  int looks_ = 0;
};

bool is_complete(MPI_Request& request) {
  int complete = 0;
  MPI_Test(&request, &complete, MPI_STATUS_IGNORE);
  return complete != 0;
}

class MpiRanks final : public ProcessRanks {
 public:
  explicit MpiRanks(LostRank lost) : lost_(std::move(lost)) {
    int provided = 0;
    MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided);
    require(provided >= MPI_THREAD_FUNNELED, "this MPI allows no threads beside its own");
    for (MPI_Comm* communicator : {&control_, &scatter_, &gather_})
      MPI_Comm_dup(MPI_COMM_WORLD, communicator);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &size_);
    board_.emplace(MPI_COMM_WORLD);
    std::vector<pid_t> processes;
    for (std::size_t i = 0; i < board_->peers().size(); ++i)
      if (board_->peers()[i].watchable) {
        watched_.push_back(i);
        processes.push_back(pid_t(board_->peers()[i].process));
      }
    watch_.emplace(processes, [this](std::size_t i) { on_ended(watched_[i]); });
  }
  ~MpiRanks() override = default;

  int rank() const override { return rank_; }
  int size() const override { return size_; }

  void start_sum(const Tensor& values) override;
  void progress() override;
  void finish_sums() override {
    for (Patience patience; progress(), !sums_.empty();) patience.wait();
  }
  void all_gather(std::span<const std::byte> mine, std::span<std::byte> all) override;
  void broadcast(std::span<std::byte> bytes) override;

  bool claim_last_word() override {
    leave();
    return board_->claim_last_word();
  }
  void leave() override { board_->set_finished(); }
  bool last_word_spoken() const override { return board_->last_word_spoken(); }
  void finish() override;

 private:
  void on_ended(std::size_t peer);
  void add_and_gather(Sum& sum);
  void wait(MPI_Request request);

  LostRank lost_;
  int rank_ = 0, size_ = 1;
  // Collectives of one communicator begin in the same order on all ranks. That holds for the two
  // stages of sums each by itself, not for both together: hence one communicator for each.
  MPI_Comm control_ = MPI_COMM_NULL, scatter_ = MPI_COMM_NULL, gather_ = MPI_COMM_NULL;
  std::deque<Sum> sums_;  // in the order in which they were started
  std::optional<HostBoard> board_;
  std::vector<std::size_t> watched_;  // peers of the board
  std::optional<PeerWatch> watch_;
};

void MpiRanks::on_ended(std::size_t peer) {
  if (board_->is_finished(peer)) return;
  const HostBoard::Peer& lost = board_->peers()[peer];
  lost_(board_->claim_last_word()
            ? fmt::format("rank {} of {} (process {}) is gone: it was killed or crashed", lost.rank,
                          size_, lost.process)
            : std::string());
}

void MpiRanks::start_sum(const Tensor& values) {
  require(values.dtype() == DType::float32 && values.elements() <= INT_MAX,
          "sum over ranks: {} is not float32, or too large", values.text());
  const Tensor host = values.to(Device{});
  Sum& sum = sums_.emplace_back(Sum{values, host, Slices(host.elements(), size_), {}, {}, {}});
  const int own = sum.slices.counts[std::size_t(rank_)];
  sum.received.resize(std::size_t(own) * std::size_t(size_));
  for (int r = 0; r < size_; ++r) {
    sum.received_counts.push_back(own);
    sum.received_offsets.push_back(own * r);
  }
  MPI_Ialltoallv(host.data<float>(), sum.slices.counts.data(), sum.slices.offsets.data(), MPI_FLOAT,
                 sum.received.data(), sum.received_counts.data(), sum.received_offsets.data(),
                 MPI_FLOAT, scatter_, &sum.request);
}

// The second stage: this rank's slice is added up, and goes to all.
void MpiRanks::add_and_gather(Sum& sum) {
  const auto own = std::size_t(sum.slices.counts[std::size_t(rank_)]);
  float* values = sum.host.data<float>();
  std::vector<const float*> parts;
  for (std::size_t r = 0; r < std::size_t(size_); ++r) parts.push_back(&sum.received[r * own]);
  if (own > 0) add_in_rank_order(parts, own, values + sum.slices.offsets[std::size_t(rank_)]);
  MPI_Iallgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, values, sum.slices.counts.data(),
                  sum.slices.offsets.data(), MPI_FLOAT, gather_, &sum.request);
  sum.stage = Sum::Stage::gather;
}

void MpiRanks::progress() {
  bool in_turn = true;  // all sums before this one have begun their second stage
  for (Sum& sum : sums_) {
    if (sum.stage == Sum::Stage::scatter) {
      if (is_complete(sum.request) && in_turn)
        add_and_gather(sum);
      else
        in_turn = false;
    } else if (sum.stage == Sum::Stage::gather && is_complete(sum.request)) {
      sum.stage = Sum::Stage::done;
      if (!sum.host.same_memory(sum.values)) sum.values.assign(sum.host);
    }
  }
  while (!sums_.empty() && sums_.front().stage == Sum::Stage::done) sums_.pop_front();
}

void MpiRanks::wait(MPI_Request request) {
  for (Patience patience; !is_complete(request); patience.wait()) progress();
}

void MpiRanks::all_gather(std::span<const std::byte> mine, std::span<std::byte> all) {
  require(mine.size() <= INT_MAX && all.size() == mine.size() * std::size_t(size_),
          "gather from ranks: {} bytes from each of {} into {}", mine.size(), size_, all.size());
  MPI_Request request = MPI_REQUEST_NULL;
  MPI_Iallgather(mine.data(), int(mine.size()), MPI_BYTE, all.data(), int(mine.size()), MPI_BYTE,
                 control_, &request);
  // NOLINTNEXTLINE(clang-analyzer-optin.mpi.MPI-Checker): waited for with MPI_Test
  wait(request);
}

void MpiRanks::broadcast(std::span<std::byte> bytes) {
  constexpr std::size_t kPortion = std::size_t{1} << 30;  // MPI counts with an int
  while (!bytes.empty()) {
    const std::span<std::byte> portion = bytes.first(std::min(kPortion, bytes.size()));
    MPI_Request request = MPI_REQUEST_NULL;
    MPI_Ibcast(portion.data(), int(portion.size()), MPI_BYTE, 0, control_, &request);
    // NOLINTNEXTLINE(clang-analyzer-optin.mpi.MPI-Checker): waited for with MPI_Test
    wait(request);
    bytes = bytes.subspan(portion.size());
  }
}

void MpiRanks::finish() {
  barrier();
  leave();
  barrier();  // before it nobody ends, after it nobody is missed
  watch_.reset();
  board_->close();
  for (MPI_Comm* communicator : {&control_, &scatter_, &gather_}) MPI_Comm_free(communicator);
  MPI_Finalize();
}

}  // namespace

bool mpi_is_in_this_build() {
  return true;
}

std::unique_ptr<ProcessRanks> start_mpi(LostRank lost) {
  return std::make_unique<MpiRanks>(std::move(lost));
}

}  // namespace hush::parallel
