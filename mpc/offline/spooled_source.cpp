#include "mpc/offline/spooled_source.h"

#include <unistd.h>

#include "mpc/ot/generator.h"

namespace hush::mpc {
namespace {

std::unique_ptr<StoreFile> open_unnamed(const std::filesystem::path& folder) {
  std::uint64_t number = 0;
  Generator::from_system().fill(std::span(&number, 1));
  const auto path = folder / fmt::format("hush-spool-{}-{:016x}", getpid(), number);
  auto file = open_store_file(path);
  std::filesystem::remove(path);
  return file;
}

}  // namespace

SpooledSource::SpooledSource(const std::filesystem::path& folder, int party)
    : file_(open_unnamed(folder)), party_(party) {}

void SpooledSource::add(const CorrelationRequest& request, CorrelationShare share) {
  const std::uint64_t offset = end_;
  for (const SecretWords& field : share.fields) {
    file_->write(end_, bytes_of(field));
    end_ += field.size() * sizeof(Ring);
  }
  offsets_[request.text()].push_back(offset);
}

CorrelationShare SpooledSource::take(const CorrelationRequest& request) {
  const auto found = offsets_.find(request.text());
  if (found == offsets_.end()) throw_exhausted(request);
  const std::uint64_t begin = found->second.front();
  found->second.pop_front();
  if (found->second.empty()) offsets_.erase(found);
  CorrelationShare share = unfilled_share(request, party_);
  std::uint64_t offset = begin;
  for (SecretWords& field : share.fields) {
    file_->read(offset, bytes_of(field));
    offset += field.size() * sizeof(Ring);
  }
  if (offsets_.empty()) {
    file_->resize(0);
    end_ = 0;
  } else {
    file_->discard(begin, offset - begin);
  }
  return share;
}

}  // namespace hush::mpc
