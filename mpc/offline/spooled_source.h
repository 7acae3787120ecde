// Correlations that wait on disk: for queries that need more of them than memory should hold. What
// a provider adds is written to a file, and read back piece by piece while the query runs, so that
// a party holds one layer's at a time.
//
// The file has no name from the moment it is made, so that nobody else opens it and it ends with
// the process, whatever ends that; mode 0600. Space of pieces that were taken is given back. It
// is no store: nothing survives, and nothing is used twice. Like a store's, its contents are secret
// and not encrypted (docs/security.md).
#pragma once

#include <filesystem>

#include "mpc/offline/correlation_source.h"
#include "mpc/offline/store_file.h"

namespace hush::mpc {

class SpooledSource final : public CorrelationSource, public CorrelationSink {
 public:
  // Throws FileError if no file can be made in `folder`.
  SpooledSource(const std::filesystem::path& folder, int party);

  // Throws FileError if the disk is full; the piece is lost then.
  void add(const CorrelationRequest& request, CorrelationShare share) override;
  CorrelationShare take(const CorrelationRequest& request) override;

 private:
  std::unique_ptr<StoreFile> file_;
  int party_;
  std::uint64_t end_ = 0;                                     // of what is in use
  std::map<std::string, std::deque<std::uint64_t>> offsets_;  // by CorrelationRequest::text
};

}  // namespace hush::mpc
