#include "apps/common/rank_program.h"

#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <exception>
#include <thread>

#include "apps/common/command_line.h"
#include "apps/common/quiet.h"
#include "core/revision.h"
#include "parallel/agreement.h"
#include "parallel/launch.h"
#include "parallel/mpi_ranks.h"

namespace hush::apps {
namespace {

using parallel::ProcessRanks;

[[noreturn]] void end_process() {
  std::_Exit(1);
}

// Waits until somebody on this host has told the user why the job ends, but no longer than that.
void wait_for_last_word(const ProcessRanks& ranks, std::chrono::milliseconds most) {
  const auto end = std::chrono::steady_clock::now() + most;
  while (!ranks.last_word_spoken() && std::chrono::steady_clock::now() < end)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
}

// An error that every rank meets is rank 0's to tell: the others give it the time.
[[noreturn]] void end_with(ProcessRanks& ranks, const std::string& program,
                           const std::string& what) {
  ranks.leave();
  if (ranks.rank() != 0) wait_for_last_word(ranks, std::chrono::milliseconds(500));
  if (ranks.claim_last_word())
    print_error(program, ranks.rank() == 0 ? what : fmt::format("rank {}: {}", ranks.rank(), what));
  end_process();
}

// Where every process finds the same thing wrong and none can ask another. The launcher ends all
// when the first one ends, so that should not be one that says nothing.
void leave_the_word_to_rank_zero(int rank) {
  if (rank == 0) return;
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  end_process();
}

int run_process_rank(ProcessRanks& ranks, const std::string& program,
                     const std::function<int(Communicator&)>& body) {
  try {
    parallel::require_alike(ranks, {{"the program's revision", std::string(git_revision())}});
    const int status = body(ranks);
    ranks.finish();
    return status;
  } catch (const RankError& error) {
    if (!error.silent) end_with(ranks, program, error.what());
    ranks.leave();
    wait_for_last_word(ranks, std::chrono::seconds(5));
    end_process();
  } catch (const std::bad_alloc&) {
    end_with(ranks, program, "out of memory; try a smaller --batch");
  } catch (const std::exception& error) {
    end_with(ranks, program, error.what());
  }
}

}  // namespace

int run_ranks(const std::string& program, const std::function<int(Communicator&)>& body) {
  const auto launch = parallel::launch();
  if (!launch || launch->size == 1) {
    SingleRank alone;
    return body(alone);
  }
  set_quiet(launch->rank != 0);
  if (!parallel::mpi_is_in_this_build()) leave_the_word_to_rank_zero(launch->rank);
  const auto ranks = parallel::start_mpi([program](const std::string& line) {
    if (!line.empty())
      print_error(program, line +
                               "; the same command with --resume continues from the last "
                               "checkpoint");
    end_process();
  });
  return run_process_rank(*ranks, program, body);
}

void require_one_process(const std::string& program) {
  const auto launch = parallel::launch();
  if (!launch || launch->size == 1) return;
  leave_the_word_to_rank_zero(launch->rank);
  throw ArgumentError(
      fmt::format("{} works in one process, but {} started {}; leave {} out (pretrain is the "
                  "program that several processes can share)",
                  program, launch->launcher, launch->size, launch->launcher));
}

}  // namespace hush::apps
