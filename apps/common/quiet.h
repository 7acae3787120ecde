// Whether this thread may show what it does. Of several ranks that do the same, one does.
#pragma once

namespace hush::apps {

bool is_quiet();
void set_quiet(bool quiet);

}  // namespace hush::apps
