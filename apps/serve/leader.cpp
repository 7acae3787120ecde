// Party 0's half of ModelWorker: it decides what both servers do next.
#include "apps/serve/model_worker.h"

namespace hush::apps {
namespace {

using std::chrono::milliseconds;
constexpr milliseconds kHeartbeat{1000};
constexpr milliseconds kShareMissing{1};          // before asking again for images of party 1
constexpr std::chrono::seconds kDealMissing{30};  // before giving up what party 1 did not get
const Answer kLate{Verdict::busy, "it was not evaluated in time: ask again later"};
const Answer kDry{Verdict::unavailable,
                  "the correlations are used up and the dealer is not connected: ask again later"};

}  // namespace

void ModelWorker::lead() {
  while (!stopping()) {
    queue_.refuse_late(ServeClock::now(), kLate);
    update_state();
    if (lead_once()) continue;
    const bool work = queue_.wait_for_work(kHeartbeat);
    if (!work && !supply_.front()) (void)ask({});
  }
}

// Does what is most urgent. False if there was nothing to do.
bool ModelWorker::lead_once() {
  const Tickets waiting = queue_.waiting(kMaxBatch);
  counters_.set_queued(options_.model, queue_.places_taken());
  if (!waiting.empty() && offer_images(waiting)) return true;
  if (offer_dealt()) return true;
  if (!waiting.empty()) {
    // Party 1 does not have them yet, or there is nothing to evaluate them with.
    std::this_thread::sleep_for(kShareMissing);
    return true;
  }
  return prepare_ahead();
}

// When nothing is left and nothing will come, clients are told at once.
void ModelWorker::update_state() {
  bool dry = !supply_.dealer_connected() && !supply_.front();
  for (const Lane& lane : lanes_) dry = dry && lane.stored() == 0 && !lane.prepared();
  counters_.set_connected(options_.model, "dealer", supply_.dealer_connected());
  queue_.set_state(dry ? kDry : Answer{});
  if (dry) queue_.refuse_all(kDry);
}

// Asks party 1 to take part in a step, and returns what it says.
StepAnswer ModelWorker::ask(const Step& step) {
  send_step(link_->channel(), step);
  return receive_step_answer(link_->channel());
}

// The largest batch that the images fill and that there are correlations for. A larger one would
// waste most of its correlations on nothing: it is used only if no others will come.
Lane* ModelWorker::choose_lane(std::size_t images) {
  Lane* called_for = &lanes_.front();
  Lane* best = nullptr;
  for (Lane& lane : lanes_) {
    const bool filled = lane.batch() <= images || &lane == &lanes_.front();
    if (filled) called_for = &lane;
    const bool possible = lane.prepared() || lane.stored() > 0;
    if (possible && (filled || (best == nullptr && !supply_.dealer_connected()))) best = &lane;
  }
  supply_.set_called_for(index_of(*called_for));
  return best;
}

// Evaluates the oldest images that party 1 has too. False if there are none. Images whose share has
// not reached party 1 hold nobody up, and do not count when the lane is chosen.
bool ModelWorker::offer_images(Tickets waiting) {
  while (!waiting.empty()) {
    Lane* const lane = choose_lane(waiting.size());
    if (lane == nullptr) return false;
    if (!lane->prepared()) prepare(*lane);
    Step step{.kind = StepKind::run, .lane = index_of(*lane), .number = evaluations_};
    for (const auto& ticket : waiting) step.slots.push_back(ticket->id);
    const StepAnswer answer = ask(step);
    Tickets there;
    for (std::size_t i = 0; i < waiting.size(); ++i)
      if (answer.slots >> i & 1) there.push_back(waiting[i]);
    if (there.size() > (answer.yes ? lane->batch() : waiting.size() - 1))
      throw mpc::ProtocolViolation("party 1 takes more images than it was asked to");
    if (answer.yes) {
      for (auto& ticket : there) ticket = queue_.take(ticket->id);
      evaluate(*lane, there);
      return true;
    }
    waiting = std::move(there);
  }
  return false;
}

void ModelWorker::prepare(Lane& lane) {
  const Step step{.kind = StepKind::prepare, .lane = index_of(lane), .number = lane.next()};
  if (!ask(step).yes)
    throw mpc::ProtocolViolation("party 1 has other correlations: both begin anew");
  burn(lane);
}

// One batch of each lane is made ready while nobody waits.
bool ModelWorker::prepare_ahead() {
  for (Lane& lane : lanes_) {
    if (lane.prepared() || lane.stored() == 0) continue;
    prepare(lane);
    return true;
  }
  return false;
}

// Puts what the dealer has sent into use, once party 1 has it too.
bool ModelWorker::offer_dealt() {
  const auto dealt = supply_.front();
  if (!dealt) return false;
  if (!fits(*dealt)) {
    supply_.drop(dealt);  // for masks that are not in use any more
    return true;
  }
  const auto now = ServeClock::now();
  if (dealt_since_ == ServeClock::time_point{}) dealt_since_ = now;
  Step step{.kind = dealt->is_masks ? StepKind::adopt : StepKind::store, .lane = dealt->lane};
  step.deal = dealt->session;
  step.number = dealt->number;
  StepAnswer answer;
  try {
    answer = ask(step);
  } catch (...) {
    supply_.drop(dealt);  // party 1 may have it, or not
    throw;
  }
  if (!answer.yes && now - dealt_since_ < kDealMissing) {
    std::this_thread::sleep_for(kShareMissing);
    return false;
  }
  dealt_since_ = {};
  supply_.drop(dealt);
  if (answer.yes)
    accept(*dealt);
  else
    supply_.renew();
  return true;
}

}  // namespace hush::apps
