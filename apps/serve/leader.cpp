// Party 0's half of ModelWorker: it decides what both servers do next.
#include <algorithm>

#include "apps/serve/model_worker.h"

namespace hush::apps {
namespace {

using std::chrono::milliseconds;
constexpr milliseconds kHeartbeat{1000};
constexpr std::chrono::microseconds kShareMissing{
    200};                                         // before asking again for images of party 1
constexpr std::chrono::seconds kDealMissing{30};  // before giving up what party 1 did not get
constexpr milliseconds kLongestPause{50};         // before asking again for that
const Answer kLate{Verdict::busy, "it was not evaluated in time: ask again later"};
const Answer kDry{Verdict::unavailable,
                  "the correlations are used up and the dealer is not connected: ask again later"};

}  // namespace

void ModelWorker::lead() {
  while (!stopping()) {
    queue_.refuse_late(ServeClock::now(), kLate);
    update_state();
    if (lead_once()) continue;
    if (!queue_.wait_for_work(kHeartbeat) && !supply_.front()) (void)ask({});
  }
}

// Does what is most urgent. False if there was nothing to do.
bool ModelWorker::lead_once() {
  const Tickets waiting = queue_.waiting(kMaxBatch);
  counters_.set_queued(options_.model, queue_.places_taken());
  const auto dealt = supply_.front();
  // What is kept in memory costs a message and spares the disk, so it goes before images.
  const bool kept = dealt && how_to_take(*dealt) == StepKind::keep;
  if (kept && offer(dealt)) return true;
  if (!waiting.empty() && offer_images(waiting)) return true;
  if (dealt && !kept && offer(dealt)) return true;
  if (waiting.empty() && prepare_ahead()) return true;
  // Party 1 does not have yet what is here, or there is nothing to evaluate images with.
  if (!waiting.empty())
    std::this_thread::sleep_for(kShareMissing);
  else if (dealt)
    queue_.wait_for_work(pause_for_dealt());
  return !waiting.empty() || dealt;
}

// When nothing is left and nothing will come, clients are told at once.
void ModelWorker::update_state() {
  bool dry = !supply_.dealer_connected() && !supply_.front();
  for (const Lane& lane : lanes_)
    dry = dry && lane.stored() + lane.at_hand() == 0 && !lane.prepared();
  counters_.set_connected(options_.model, "dealer", supply_.dealer_connected());
  queue_.set_state(dry ? kDry : open_state());
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
    const bool possible = lane.prepared() || lane.at_hand() + lane.stored() > 0;
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

// Fetches from the disk if nothing is at hand. One burning for several batches, because it waits
// for the disk. False if there is nothing.
bool ModelWorker::fill_hand(Lane& lane) {
  if (lane.at_hand() > 0) return true;
  if (lane.stored() == 0) return false;
  Step step{.kind = StepKind::fetch, .lane = index_of(lane), .number = lane.next()};
  step.count =
      std::uint32_t(std::min({kMostFetched, options_.at_hand[index_of(lane)], lane.stored()}));
  if (!ask(step).yes)
    throw mpc::ProtocolViolation("party 1 has other correlations: both begin anew");
  lane.fetch(step.count);
  return true;
}

void ModelWorker::prepare(Lane& lane) {
  if (!fill_hand(lane)) throw Error("a lane without correlations was chosen");
  const BatchName& name = lane.front();
  const Step step{
      .kind = StepKind::prepare, .lane = index_of(lane), .deal = name.deal, .number = name.number};
  if (!ask(step).yes)
    throw mpc::ProtocolViolation("party 1 has other correlations: both begin anew");
  take_batch(lane);
}

// One batch of each lane is made ready while nobody waits.
bool ModelWorker::prepare_ahead() {
  for (Lane& lane : lanes_) {
    if (lane.prepared() || lane.at_hand() + lane.stored() == 0) continue;
    prepare(lane);
    return true;
  }
  return false;
}

// Batches go into memory while there is room, and to the disk else.
StepKind ModelWorker::how_to_take(const Dealt& dealt) const {
  if (dealt.is_masks) return StepKind::adopt;
  const bool room = lanes_[dealt.lane].at_hand() < options_.at_hand[dealt.lane];
  return room ? StepKind::keep : StepKind::store;
}

// Usually party 1 gets its part a moment later; if it does not, it is asked less and less often.
milliseconds ModelWorker::pause_for_dealt() const {
  const auto waited = std::chrono::duration_cast<milliseconds>(ServeClock::now() - dealt_since_);
  return std::clamp(waited / 8, milliseconds(1), kLongestPause);
}

// Puts what the dealer has sent into use, once party 1 has it too. False if it has not.
bool ModelWorker::offer(const std::shared_ptr<Dealt>& dealt) {
  if (!fits(*dealt)) {
    supply_.drop(dealt);  // for masks that are not in use any more
    return true;
  }
  const auto now = ServeClock::now();
  if (dealt_since_ == ServeClock::time_point{}) dealt_since_ = now;
  Step step{.kind = how_to_take(*dealt), .lane = dealt->lane};
  step.deal = dealt->session;
  step.number = dealt->number;
  StepAnswer answer;
  try {
    answer = ask(step);
  } catch (...) {
    supply_.drop(dealt);  // party 1 may have it, or not
    throw;
  }
  if (!answer.yes && now - dealt_since_ < kDealMissing) return false;
  dealt_since_ = {};
  supply_.drop(dealt);
  if (answer.yes)
    accept(*dealt, step.kind);
  else
    supply_.renew();
  return true;
}

}  // namespace hush::apps
