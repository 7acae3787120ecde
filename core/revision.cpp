#include "core/revision.h"

#include "hush_revision.h"  // generated at build time

namespace hush {

std::string_view git_revision() {
  return HUSH_REVISION;
}

}  // namespace hush
