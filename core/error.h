// Errors of the whole project. The library throws; only `main` prints, one line, and returns 1.
#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string>

namespace hush {

// The root of every error that Hush throws on purpose. The message is one line that says what
// is wrong, where, and how to mend it.
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Shapes, dtypes or options that do not fit together.
struct ArgumentError : Error {
  using Error::Error;
};

// A file that is missing, truncated, malformed, or cannot be written. Names the path.
struct FileError : Error {
  using Error::Error;
};

// A number that should be finite is not, or a value leaves the range it must lie in.
struct NumericError : Error {
  using Error::Error;
};

// Throws ArgumentError with the formatted message unless `condition` holds. Always on:
// `assert` is only for what neither a caller, a file nor a peer can influence.
template <class... T>
void require(bool condition, fmt::format_string<T...> format, T&&... arguments) {
  if (!condition) [[unlikely]]
    throw ArgumentError(fmt::format(format, std::forward<T>(arguments)...));
}

}  // namespace hush
