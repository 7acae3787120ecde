#include "apps/serve/supply.h"

#include <algorithm>

namespace hush::apps {

Supply::Supply(std::vector<std::uint64_t> target) : lanes_(target.size()) {
  for (std::size_t i = 0; i < target.size(); ++i) lanes_[i].target = target[i];
}

void Supply::set_masks(const Id& masks) {
  const std::lock_guard lock(mutex_);
  masks_ = masks;
}

void Supply::set_stock(std::uint32_t lane, std::uint64_t batches) {
  const std::lock_guard lock(mutex_);
  lanes_.at(lane).stock = batches;
  changed_.notify_all();
}

void Supply::set_called_for(std::uint32_t lane) {
  const std::lock_guard lock(mutex_);
  called_for_ = lane;
}

std::shared_ptr<Dealt> Supply::front() const {
  const std::lock_guard lock(mutex_);
  return dealt_.empty() ? nullptr : dealt_.front();
}

void Supply::drop(const std::shared_ptr<Dealt>& dealt) {
  const std::lock_guard lock(mutex_);
  std::erase(dealt_, dealt);
  changed_.notify_all();
}

std::shared_ptr<Dealt> Supply::take(const Id& session, std::uint64_t number) {
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::find_if(dealt_, [&](const auto& dealt) {
    return dealt->session == session && dealt->number == number;
  });
  if (found == dealt_.end()) return nullptr;
  auto dealt = *found;
  dealt_.erase(dealt_.begin(), found + 1);
  changed_.notify_all();
  return dealt;
}

bool Supply::expects_masks() const {
  const std::lock_guard lock(mutex_);
  return !connected_ || masks_coming_ ||
         std::ranges::any_of(dealt_, [](const auto& dealt) { return dealt->is_masks; });
}

void Supply::renew() {
  const std::lock_guard lock(mutex_);
  renew_ = true;
  changed_.notify_all();
}

bool Supply::dealer_connected() const {
  const std::lock_guard lock(mutex_);
  return connected_;
}

void Supply::begin_session(const Id& session, bool with_masks) {
  const std::lock_guard lock(mutex_);
  dealt_.clear();
  session_ = session;
  masks_coming_ = with_masks;
  connected_ = true;
  renew_ = false;
}

void Supply::end_session() {
  const std::lock_guard lock(mutex_);
  connected_ = false;
  renew_ = false;
}

Id Supply::masks() const {
  const std::lock_guard lock(mutex_);
  return masks_;
}

void Supply::push(std::shared_ptr<Dealt> dealt) {
  std::function<void()> notify;
  {
    const std::lock_guard lock(mutex_);
    dealt->session = session_;
    if (dealt->is_masks) masks_coming_ = false;
    dealt_.push_back(std::move(dealt));
    notify = notify_;
  }
  if (notify) notify();
}

std::size_t Supply::batches_here(std::uint32_t lane) const {
  return std::size_t(std::ranges::count_if(
      dealt_, [&](const auto& dealt) { return dealt->lane == lane && !dealt->is_masks; }));
}

// How full a lane is, as a part of its target.
double Supply::level(std::uint32_t lane) const {
  return double(lanes_[lane].stock + batches_here(lane)) /
         double(std::max<std::uint64_t>(1, lanes_[lane].target));
}

std::optional<std::uint32_t> Supply::wanting() const {
  if (dealt_.size() >= kRoom) return std::nullopt;
  std::uint32_t best = called_for_;
  for (std::uint32_t lane = 0; lane < lanes_.size() && level(called_for_) >= 1; ++lane)
    if (level(lane) < level(best)) best = lane;
  return level(best) < 1 ? std::optional(best) : std::nullopt;
}

std::optional<std::uint32_t> Supply::wait_for_want(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, limit, [&] { return stopped_ || renew_ || wanting(); });
  return stopped_ || renew_ ? std::nullopt : wanting();
}

bool Supply::wait_for_room(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, limit,
                           [&] { return stopped_ || renew_ || dealt_.size() <= kRoom; });
}

bool Supply::renewal_wanted() const {
  const std::lock_guard lock(mutex_);
  return renew_;
}

void Supply::pause(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, limit, [&] { return stopped_; });
}

void Supply::stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  changed_.notify_all();
}

bool Supply::stopped() const {
  const std::lock_guard lock(mutex_);
  return stopped_;
}

void Supply::on_push(std::function<void()> notify) {
  const std::lock_guard lock(mutex_);
  notify_ = std::move(notify);
}

}  // namespace hush::apps
