// Options of secure inference as the text that travels in model files: "weights shared relu dcf …".
#pragma once

#include <string>

#include "mpc/secure/options.h"

namespace hush::apps {

std::string secure_options_text(const mpc::SecureOptions& options);
// Throws FileError, beginning with `where`, for what is no such text, lacks an option or has one
// out of range.
mpc::SecureOptions parse_secure_options(const std::string& text, const std::string& where);

}  // namespace hush::apps
