#include "apps/serve/dealer_service.h"

#include "apps/serve/log.h"

namespace hush::apps {
namespace {

constexpr std::chrono::seconds kHeartbeat{2};
const Answer kWait{Verdict::unavailable, "the other server is not connected to the dealer"};

}  // namespace

DealerService::DealerService(std::vector<DealerModel> models, DealerCounters& counters)
    : counters_(counters) {
  for (DealerModel& model : models) {
    Table& table = tables_[model.name];
    table.model = std::move(model);
  }
}

DealerService::~DealerService() {
  stop();
}

void DealerService::stop() {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  for (auto& [name, table] : tables_)
    for (const auto& guest : table.guests)
      if (guest) guest->link->abort();
  changed_.notify_all();
}

void DealerService::serve(const std::shared_ptr<Link>& link) {
  mpc::Channel& channel = link->channel();
  Table& table = find_table(channel);
  mpc::Session session = table.model.session;
  const int party = link->peer_name() == "party0" ? 0 : 1;
  session.role = mpc::Role::dealer;
  session.peer = mpc::Role(party);
  mpc::open_session(channel, session);
  const auto guest = std::make_shared<Guest>();
  guest->link = link;
  guest->held = receive_ids(channel, 1)[0];
  sit_down(table, guest, party);
  try {
    if (party == 1) {
      await_end(guest);
    } else if (const auto other = await_other(table, guest)) {
      deal(table, *guest, *other);
    }
  } catch (...) {
    leave(table, guest, party);
    throw;
  }
  leave(table, guest, party);
}

DealerService::Table& DealerService::find_table(mpc::Channel& channel) {
  const std::string name = receive_name(channel);
  const auto found = tables_.find(name);
  if (found != tables_.end()) {
    send_answer(channel, {});
    return found->second;
  }
  const std::string reason = fmt::format("the dealer has no model \"{}\"", name);
  send_answer(channel, {Verdict::refused, reason});
  throw ArgumentError(reason);
}

// Whoever sat there before has lost its connection without anyone noticing.
void DealerService::sit_down(Table& table, const std::shared_ptr<Guest>& guest, int party) {
  const std::lock_guard lock(mutex_);
  require(!stopping_, "the dealer shuts down");
  auto& seat = table.guests[std::size_t(party)];
  if (seat) seat->link->abort();
  seat = guest;
  changed_.notify_all();
}

// Null if the guest was replaced, or the service stops.
std::shared_ptr<DealerService::Guest> DealerService::await_other(
    Table& table, const std::shared_ptr<Guest>& guest) {
  std::unique_lock lock(mutex_);
  while (!stopping_ && table.guests[0] == guest) {
    const auto& other = table.guests[1];
    if (other && !other->partner && !other->gone) {
      other->partner = guest;
      guest->partner = other;
      return other;
    }
    if (changed_.wait_for(lock, kHeartbeat) == std::cv_status::timeout)
      send_answer(guest->link->channel(), kWait);
  }
  return nullptr;
}

// Party 1's connection is used by party 0's thread, once that has taken it.
void DealerService::await_end(const std::shared_ptr<Guest>& guest) {
  std::unique_lock lock(mutex_);
  while (!stopping_ && !guest->gone)
    if (changed_.wait_for(lock, kHeartbeat) == std::cv_status::timeout && !guest->partner)
      send_answer(guest->link->channel(), kWait);
}

void DealerService::leave(Table& table, const std::shared_ptr<Guest>& guest, int party) {
  const std::lock_guard lock(mutex_);
  auto& seat = table.guests[std::size_t(party)];
  if (seat == guest) seat.reset();
  // It takes its partner along: both begin anew together.
  if (const auto partner = std::move(guest->partner)) {
    partner->gone = true;
    partner->link->abort();
  }
  guest->gone = true;
  changed_.notify_all();
}

void DealerService::deal(Table& table, Guest& first, Guest& second) {
  const std::lock_guard lock(table.dealing);
  mpc::Channel& channel0 = first.link->channel();
  mpc::Channel& channel1 = second.link->channel();
  const bool known = table.dealer && table.masks == first.held && table.masks == second.held;
  if (!known) {
    table.masks = random_id();
    table.dealer = std::make_unique<mpc::Dealer>(mpc::Generator::from_system());
  }
  log("model {}: both servers are here{}", table.model.name, known ? "" : " and get new masks");
  const Id ids[] = {random_id(), table.masks};
  for (mpc::Channel* const channel : {&channel0, &channel1}) {
    send_answer(*channel, {});
    send_ids(*channel, ids);
  }
  std::uint64_t number = 0;
  if (!known) {
    table.dealer->deal(table.model.demand.masks, channel0, channel1);
    ++number;
  }
  while (true) deal_next(table, number, channel0, channel1);
}

void DealerService::deal_next(Table& table, std::uint64_t& number, mpc::Channel& first,
                              mpc::Channel& second) {
  Deal order = receive_deal(first);
  if (order.lane >= table.model.demand.batches.size())
    throw mpc::ProtocolViolation(fmt::format("party 0 orders for lane {}", order.lane));
  order.number = number;
  send_deal(first, order);
  send_deal(second, order);
  if (order.kind == DealKind::idle) return;
  const mpc::Demand& demand = table.model.demand.batches[order.lane];
  table.dealer->deal(demand, first, second);
  ++number;
  counters_.dealt(table.model.name, demand.dealt_bytes(0) + demand.dealt_bytes(1));
}

}  // namespace hush::apps
