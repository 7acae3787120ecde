#include "apps/common/interrupt.h"

#include <csignal>

namespace hush::apps {
namespace {

volatile std::sig_atomic_t flag = 0;

extern "C" void on_signal(int) {
  flag = 1;
}

}  // namespace

void catch_interrupts() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  // The handler takes the first signal only; the default action is back for the second.
  action.sa_flags = int(SA_RESETHAND | SA_RESTART);
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGUSR1, &action, nullptr);
}

bool interrupted() {
  return flag != 0;
}

}  // namespace hush::apps
