// Ranks that are processes under MPI, on one host or many.
//
// MPI is told as little as possible: it is started only when a launcher started this process as one
// of several, and it carries bytes. Sums are our own, so that their order is fixed: rank r gets
// slice r of every rank's values (all-to-all), adds the slices in rank order, and gives the result
// to all (all-gather). That moves 2 (n - 1) / n of the data in and out of each rank, as a ring
// does.
//
// Nonblocking collectives move when MPI is called. `progress` and every call that waits do so.
//
// MPI has no answer to a rank that dies; the launcher ends the job, a second later and with a page
// of text. So each process watches those of its own host, and the first to notice has the last
// word.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/communicator.h"

namespace hush::parallel {

class ProcessRanks : public Communicator {
 public:
  // True for the first of a host's processes that asks: it tells the user why the job ends, in one
  // line, and the others are silent. This one will not be missed when it ends.
  virtual bool claim_last_word() = 0;
  // Whether somebody on this host has told the user.
  virtual bool last_word_spoken() const = 0;
  // This process is about to end, and another tells why: it will not be missed.
  virtual void leave() = 0;
  // The end of a job without errors, by all ranks; nothing else may be called after it.
  virtual void finish() = 0;
};

// Called from a thread of its own when a process of this host has ended without `finish` and
// without a last word. `line` is for the user, or empty if another process tells. The process
// cannot go on.
using LostRank = std::function<void(const std::string& line)>;

bool mpi_is_in_this_build();
// Starts MPI, once in a process, on its main thread. The last word comes before destruction.
std::unique_ptr<ProcessRanks> start_mpi(LostRank lost);

}  // namespace hush::parallel
