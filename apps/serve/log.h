// What a service tells its operator: one line per event on the standard error stream, which
// systemd's journal stamps with the time. Secrets and shares never appear.
#pragma once

#include <fmt/format.h>

#include <string>

namespace hush::apps {

// The name in front of each line, "pi_server 0"; set once at the start.
void name_log(const std::string& program);

// Writes one line at once; thread safe. Line breaks within become spaces.
void write_log(std::string line);

template <class... T>
void log(fmt::format_string<T...> format, T&&... arguments) {
  write_log(fmt::format(format, std::forward<T>(arguments)...));
}

}  // namespace hush::apps
