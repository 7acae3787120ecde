// Fetching files over the network, with libcurl.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "core/error.h"

namespace hush::data {

// The network or the server did not deliver, or delivered other bytes than expected.
struct DownloadError : Error {
  using Error::Error;
};

struct DownloadProgress {
  std::string url;
  std::int64_t received = 0;  // bytes
  std::int64_t total = 0;     // bytes; 0 while the server has not said
};

// Called some times a second from within the download. It may throw to cancel.
using ProgressCallback = std::function<void(const DownloadProgress&)>;

// Writes what `url` (https, http or file) delivers to `target` and compares its MD5 digest with
// `md5`, in hexadecimal: MD5 is what the authors publish, and here it guards against damage, not
// against an attacker. Gives up when no connection is made in 15 s or fewer than 1000 bytes a
// second come for 30 s. On any error no file is left at `target`. Throws DownloadError; FileError
// if `target` cannot be written; whatever `progress` throws.
void download(const std::string& url, const std::filesystem::path& target, const std::string& md5,
              const ProgressCallback& progress = {});

}  // namespace hush::data
