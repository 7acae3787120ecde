// The code that is running, for reports.
#pragma once

#include <string_view>

namespace hush {

// The git revision of this build, with "-dirty" if files had changed, or "unknown".
std::string_view git_revision();

}  // namespace hush
