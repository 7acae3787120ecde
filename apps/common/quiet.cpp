#include "apps/common/quiet.h"

namespace hush::apps {
namespace {

thread_local bool quiet_here = false;

}  // namespace

bool is_quiet() {
  return quiet_here;
}

void set_quiet(bool quiet) {
  quiet_here = quiet;
}

}  // namespace hush::apps
