#include "parallel/host_board.h"

#include <sys/stat.h>
#include <unistd.h>

namespace hush::parallel {
namespace {

// Process ids mean the same to processes that see the same of these.
unsigned long process_namespace() {
  struct stat status {};
  return ::stat("/proc/self/ns/pid", &status) == 0 ? status.st_ino : 0;
}

}  // namespace

HostBoard::HostBoard(MPI_Comm all) {
  int rank = 0, own = 0, size = 0;
  MPI_Comm_rank(all, &rank);
  MPI_Comm_split_type(all, MPI_COMM_TYPE_SHARED, rank, MPI_INFO_NULL, &host_);
  MPI_Comm_rank(host_, &own);
  MPI_Comm_size(host_, &size);
  own_ = std::size_t(own);

  const long mine[3] = {rank, long(::getpid()), long(process_namespace())};
  std::vector<long> facts(3 * std::size_t(size));
  MPI_Allgather(mine, 3, MPI_LONG, facts.data(), 3, MPI_LONG, host_);
  for (std::size_t i = 0; i < std::size_t(size); ++i)
    peers_.push_back({int(facts[3 * i]), facts[3 * i + 1],
                      i != own_ && mine[2] != 0 && facts[3 * i + 2] == mine[2]});

  static_assert(std::atomic<int>::is_always_lock_free);
  const MPI_Aint bytes = own == 0 ? MPI_Aint(sizeof(std::atomic<int>)) * (size + 1) : 0;
  void* memory = nullptr;
  MPI_Win_allocate_shared(bytes, 1, MPI_INFO_NULL, host_, &memory, &window_);
  MPI_Aint found = 0;
  int unit = 0;
  MPI_Win_shared_query(window_, 0, &found, &unit, &memory);
  entries_ = static_cast<std::atomic<int>*>(memory);
  if (own == 0)
    for (int i = 0; i <= size; ++i) new (entries_ + i) std::atomic<int>(0);
  MPI_Barrier(host_);
}

void HostBoard::close() {
  MPI_Win_free(&window_);
  MPI_Comm_free(&host_);
}

}  // namespace hush::parallel
