// Party 1's half of ModelWorker: it does what party 0 says, if it can.
#include "apps/serve/model_worker.h"

namespace hush::apps {
namespace {

const Answer kLate{Verdict::busy,
                   "it was not evaluated in time; did the other server get its share?"};

}  // namespace

void ModelWorker::follow() {
  mpc::Channel& channel = link_->channel();
  while (!stopping()) {
    const Step step = receive_step(channel);
    if (step.lane >= lanes_.size())
      throw mpc::ProtocolViolation(fmt::format("party 0 names lane {}", step.lane));
    Lane& lane = lanes_[step.lane];
    switch (step.kind) {
      case StepKind::idle:
        send_step_answer(channel, {.yes = true});
        break;
      case StepKind::adopt:
      case StepKind::store:
      case StepKind::keep:
        take_dealt(step);
        break;
      case StepKind::fetch: {
        const bool fine = lane.connected() && lane.next() == step.number && step.count >= 1 &&
                          step.count <= std::min(lane.stored(), kMostFetched);
        send_step_answer(channel, {.yes = fine});
        if (fine) lane.fetch(step.count);
        break;
      }
      case StepKind::prepare: {
        const bool fine = lane.connected() && !lane.prepared() && lane.at_hand() > 0 &&
                          lane.front() == BatchName{step.deal, step.number};
        send_step_answer(channel, {.yes = fine});
        if (fine) take_batch(lane);
        break;
      }
      case StepKind::run:
        take_images(step);
        break;
    }
    queue_.refuse_late(ServeClock::now(), kLate);
    counters_.set_queued(options_.model, queue_.places_taken());
    counters_.set_connected(options_.model, "dealer", supply_.dealer_connected());
  }
}

void ModelWorker::take_dealt(const Step& step) {
  const auto dealt = supply_.take(step.deal, step.number);
  const bool fine = dealt && dealt->lane == step.lane &&
                    dealt->is_masks == (step.kind == StepKind::adopt) && fits(*dealt);
  send_step_answer(link_->channel(), {.yes = fine});
  if (fine) accept(*dealt, step.kind);
}

// Takes part if the images fill the lane, or if none is missing; else it says which are here, and
// party 0 asks again for those, perhaps for a smaller lane.
void ModelWorker::take_images(const Step& step) {
  Lane& lane = lanes_[step.lane];
  if (!lane.prepared() || step.number != evaluations_)
    throw mpc::ProtocolViolation("party 0 is out of step");
  std::uint64_t here = 0;
  std::size_t count = 0;
  for (std::size_t i = 0; i < step.slots.size() && count < lane.batch(); ++i) {
    if (!queue_.holds(step.slots[i])) continue;
    here |= std::uint64_t{1} << i;
    ++count;
  }
  StepAnswer answer{count > 0 && (count == lane.batch() || count == step.slots.size()), here};
  Tickets slots;
  for (std::size_t i = 0; answer.yes && i < step.slots.size(); ++i)
    if (here >> i & 1) slots.push_back(queue_.take(step.slots[i]));
  try {
    send_step_answer(link_->channel(), answer);
  } catch (...) {
    lose(slots);
    throw;
  }
  if (answer.yes) evaluate(lane, slots);
}

}  // namespace hush::apps
