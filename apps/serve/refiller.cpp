#include "apps/serve/refiller.h"

#include "apps/serve/log.h"
#include "mpc/offline/dealer.h"

namespace hush::apps {
namespace {

using std::chrono::milliseconds;
constexpr milliseconds kHeartbeat{2000};
constexpr milliseconds kRetry{1000};
constexpr mpc::ChannelOptions kChannel{.timeout = milliseconds(15000),
                                       .spin = std::chrono::microseconds(0)};

}  // namespace

Refiller::Refiller(RefillerOptions options, Supply& supply)
    : options_(std::move(options)), supply_(supply), thread_([this] { run(); }) {}

Refiller::~Refiller() {
  supply_.stop();
  {
    const std::lock_guard lock(mutex_);
    if (link_) link_->abort();
  }
  thread_.join();
}

void Refiller::run() {
  std::string last;
  while (!supply_.stopped()) {
    std::string reason;
    try {
      run_session();
    } catch (const std::exception& error) {
      reason = error.what();
    }
    const bool was_connected = supply_.dealer_connected();
    supply_.end_session();
    {
      const std::lock_guard lock(mutex_);
      link_.reset();
    }
    if (supply_.stopped()) return;
    // The same reason once, not every second.
    if (!reason.empty() && (was_connected || reason != last))
      log("model {}: dealer: {}", options_.model, reason);
    last = reason;
    if (!reason.empty()) supply_.pause(kRetry);
  }
}

// Ends when the supply wants a new session, or stops.
void Refiller::run_session() {
  auto link = Link::connect(options_.dealer, options_.credentials, {"dealer"}, milliseconds(3000),
                            kChannel);
  {
    const std::lock_guard lock(mutex_);
    link_ = link;
  }
  mpc::Channel& channel = link->channel();
  const Id held = agree(channel);
  const std::vector<Id> ids = receive_ids(channel, 2);
  masks_ = ids[1];
  number_ = 0;
  supply_.begin_session(ids[0], masks_ != held);
  log("model {}: the dealer is connected", options_.model);
  if (masks_ != held) receive_masks(channel);
  while (!supply_.stopped() && !supply_.renewal_wanted()) receive_next(channel);
}

// Until the dealer has both parties; returns the masks that this one says it has.
Id Refiller::agree(mpc::Channel& channel) {
  send_name(channel, options_.model);
  const Answer known = receive_answer(channel);
  if (!known.ok()) throw ArgumentError("it refuses: " + known.reason);
  mpc::open_session(channel, options_.session);
  const Id held = supply_.masks();
  send_ids(channel, std::span(&held, 1));
  while (true) {
    const Answer answer = receive_answer(channel);
    if (answer.ok()) return held;
    if (answer.verdict != Verdict::unavailable) throw ArgumentError("it refuses: " + answer.reason);
    if (supply_.stopped() || supply_.renewal_wanted()) throw ArgumentError("begun anew");
  }
}

void Refiller::receive_masks(mpc::Channel& channel) {
  auto dealt = std::make_shared<Dealt>();
  dealt->is_masks = true;
  dealt->number = number_++;
  dealt->masks = masks_;
  mpc::receive_correlations(options_.party, options_.demand.masks, channel, dealt->source);
  supply_.push(std::move(dealt));
}

void Refiller::receive_next(mpc::Channel& channel) {
  if (options_.party == 0) {
    const auto want = supply_.wait_for_want(kHeartbeat);
    send_deal(channel, want ? Deal{DealKind::batch, *want, 0} : Deal{});
  }
  const Deal deal = receive_deal(channel);
  if (deal.kind == DealKind::idle) return;
  if (deal.lane >= supply_.lanes() || deal.number != number_)
    throw mpc::ProtocolViolation(
        fmt::format("the dealer deals number {} for lane {}", deal.number, deal.lane));
  // What party 0 has room for, party 1 has too, unless the servers have lost each other.
  if (!supply_.wait_for_room(kChannel.timeout) || supply_.stopped()) return supply_.renew();
  auto dealt = std::make_shared<Dealt>();
  dealt->lane = deal.lane;
  dealt->number = number_++;
  dealt->masks = masks_;
  mpc::receive_correlations(options_.party, options_.demand.batches[deal.lane], channel,
                            dealt->source);
  supply_.push(std::move(dealt));
}

}  // namespace hush::apps
