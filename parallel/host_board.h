// Memory that the processes of one host share: who has finished, and whether the user has been told
// why the job ends.
#pragma once

#include <mpi.h>

#include <atomic>
#include <memory>
#include <vector>

namespace hush::parallel {

class HostBoard {
 public:
  // To be called by all ranks of `all`.
  explicit HostBoard(MPI_Comm all);
  HostBoard(const HostBoard&) = delete;
  HostBoard& operator=(const HostBoard&) = delete;
  ~HostBoard() = default;  // MPI must have ended it: see `close`
  void close();

  struct Peer {
    int rank = 0;            // of all
    long process = 0;        // its id
    bool watchable = false;  // not itself, and its id means the same here
  };
  // The processes of this host, this one included.
  const std::vector<Peer>& peers() const { return peers_; }

  void set_finished() { entries_[own_].store(1); }
  bool is_finished(std::size_t peer) const { return entries_[peer].load() != 0; }
  bool claim_last_word() { return entries_[peers_.size()].exchange(1) == 0; }
  bool last_word_spoken() const { return entries_[peers_.size()].load() != 0; }

 private:
  MPI_Comm host_ = MPI_COMM_NULL;
  MPI_Win window_ = MPI_WIN_NULL;
  std::vector<Peer> peers_;
  std::size_t own_ = 0;
  // By peer: 1 when it has finished; then one: 1 when the last word has been spoken.
  std::atomic<int>* entries_ = nullptr;
};

}  // namespace hush::parallel
