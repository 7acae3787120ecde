#include "data/download.h"

#include <curl/curl.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <exception>
#include <fstream>
#include <memory>

#include "data/digest.h"

namespace hush::data {
namespace {

struct FreeCurl {
  void operator()(CURL* handle) const noexcept { curl_easy_cleanup(handle); }
};

// One transfer: what libcurl's callbacks work on. They are called from C, so an exception is
// kept until the transfer has ended.
struct Transfer {
  std::ofstream out;
  Digest digest{"md5"};
  const ProgressCallback& progress;
  DownloadProgress state;
  std::exception_ptr exception = {};
};

std::size_t on_data(const char* bytes, std::size_t, std::size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  try {
    transfer.digest.add({reinterpret_cast<const std::uint8_t*>(bytes), count});
    transfer.out.write(bytes, std::streamsize(count));
    return transfer.out ? count : 0;  // anything but `count` ends the transfer
  } catch (...) {
    transfer.exception = std::current_exception();
    return 0;
  }
}

int on_progress(void* user, curl_off_t total, curl_off_t received, curl_off_t, curl_off_t) {
  auto& transfer = *static_cast<Transfer*>(user);
  try {
    transfer.state.received = received;
    transfer.state.total = total;
    if (transfer.progress) transfer.progress(transfer.state);
    return 0;
  } catch (...) {
    transfer.exception = std::current_exception();
    return 1;
  }
}

void configure(CURL* handle, const std::string& url, Transfer& transfer) {
  curl_easy_setopt(handle, CURLOPT_URL, url.c_str());
  // A server must not be able to send us on to a local file.
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "https,http,file");
  curl_easy_setopt(handle, CURLOPT_REDIR_PROTOCOLS_STR, "https,http");
  curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(handle, CURLOPT_MAXREDIRS, 5L);
  curl_easy_setopt(handle, CURLOPT_FAILONERROR, 1L);  // a 404 page is not a dataset
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);     // we may run beside other threads
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT, 15L);
  curl_easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, 1000L);
  curl_easy_setopt(handle, CURLOPT_LOW_SPEED_TIME, 30L);
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, on_data);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, on_progress);
  curl_easy_setopt(handle, CURLOPT_XFERINFODATA, &transfer);
}

void run(const std::string& url, const std::filesystem::path& target, const std::string& md5,
         Transfer& transfer) {
  static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
  const std::unique_ptr<CURL, FreeCurl> handle(curl_easy_init());
  if (initialised != CURLE_OK || !handle) throw DownloadError("libcurl cannot be initialised");
  if (!transfer.out)
    throw FileError(
        fmt::format("{}: cannot be written: {}", target.string(), std::strerror(errno)));

  configure(handle.get(), url, transfer);
  std::array<char, CURL_ERROR_SIZE> reason{};
  curl_easy_setopt(handle.get(), CURLOPT_ERRORBUFFER, reason.data());
  const CURLcode code = curl_easy_perform(handle.get());
  transfer.out.close();
  if (transfer.exception) std::rethrow_exception(transfer.exception);
  if (!transfer.out)
    throw FileError(
        fmt::format("{}: cannot be written in full; is the disk full?", target.string()));
  if (code != CURLE_OK)
    throw DownloadError(
        fmt::format("{}: {}", url, reason[0] ? reason.data() : curl_easy_strerror(code)));
  const std::string received = transfer.digest.hex();
  if (received != md5)
    throw DownloadError(
        fmt::format("{}: delivered a file with MD5 {}, expected {}", url, received, md5));
}

}  // namespace

void download(const std::string& url, const std::filesystem::path& target, const std::string& md5,
              const ProgressCallback& progress) {
  Transfer transfer{
      .out = std::ofstream(target, std::ios::binary), .progress = progress, .state = {url, 0, 0}};
  try {
    run(url, target, md5, transfer);
  } catch (...) {
    transfer.out.close();
    std::error_code ignored;
    std::filesystem::remove(target, ignored);
    throw;
  }
}

}  // namespace hush::data
