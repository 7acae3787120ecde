#include "apps/serve/model_worker.h"

#include "apps/serve/log.h"

namespace hush::apps {
namespace {

using std::chrono::milliseconds;
constexpr milliseconds kPatience{500};  // for the other server to come or answer
constexpr std::chrono::seconds kGrace{5};

}  // namespace

ModelWorker::ModelWorker(WorkerOptions options, ModelState state, TicketQueue& queue,
                         Supply& supply, ServerCounters& counters,
                         std::function<void(const std::string&)> failed)
    : options_(std::move(options)),
      state_(std::move(state)),
      lanes_(state_.lanes()),
      queue_(queue),
      supply_(supply),
      counters_(counters),
      failed_(std::move(failed)) {
  supply_.set_masks(state_.masks());
  supply_.on_push([this] { queue_.wake(); });
  end_link();
  thread_ = std::thread([this] { run(); });
}

ModelWorker::~ModelWorker() {
  stopping_ = true;
  queue_.set_state({Verdict::stopping, "the server shuts down"});
  queue_.wake();
  arrived_.notify_all();
  {
    std::unique_lock lock(mutex_);
    if (!arrived_.wait_for(lock, kGrace, [&] { return over_; }) && link_) link_->abort();
  }
  thread_.join();
  queue_.refuse_all({Verdict::stopping, "the server shuts down"});
  supply_.on_push({});
}

void ModelWorker::meet(std::shared_ptr<Link> link) {
  const std::lock_guard lock(mutex_);
  // The other server has begun anew, so the old connection is dead even if nobody has noticed.
  if (link_) link_->abort();
  next_link_ = std::move(link);
  arrived_.notify_all();
}

void ModelWorker::run() {
  std::string last;
  while (!stopping()) {
    std::string reason;
    try {
      auto link = await_link();
      if (!link) continue;
      {
        const std::lock_guard lock(mutex_);
        link_ = std::move(link);
      }
      use_link();
    } catch (const std::exception& error) {
      reason = error.what();
    }
    const bool was_connected = has_peer_;
    end_link();
    if (!reason.empty() && !stopping() && (was_connected || reason != last))
      log("model {}: the other server: {}", options_.model, reason);
    last = reason;
    std::unique_lock lock(mutex_);
    if (!stopping() && !was_connected) arrived_.wait_for(lock, milliseconds(500));
  }
  const std::lock_guard lock(mutex_);
  over_ = true;
  arrived_.notify_all();
}

// The next connection to the other server; null if none came within a while.
std::shared_ptr<Link> ModelWorker::await_link() {
  if (options_.party == 1) return dial();
  std::unique_lock lock(mutex_);
  arrived_.wait_for(lock, kPatience, [&] { return next_link_ || stopping(); });
  return std::move(next_link_);
}

std::shared_ptr<Link> ModelWorker::dial() {
  auto link = Link::connect(options_.peer, options_.credentials, {"party0", "party1"}, kPatience,
                            {.timeout = options_.timeout});
  if (link->peer_name() == "party1") {
    failed_(fmt::format("the server at {} is party1 as well: start one of the two with --party 0",
                        options_.peer.text()));
    throw mpc::SessionMismatch("both servers are party 1");
  }
  send_name(link->channel(), options_.model);
  const Answer known = receive_answer(link->channel());
  if (!known.ok()) throw mpc::SessionMismatch("it refuses: " + known.reason);
  return link;
}

void ModelWorker::use_link() {
  begin_link();
  agree_on_masks();
  has_peer_ = true;
  counters_.set_connected(options_.model, "peer", true);
  queue_.set_state(open_state());
  log("model {}: connected to {}", options_.model, link_->peer());
  if (options_.party == 0)
    lead();
  else
    follow();
}

// Both say what they serve, and agree on a name for this connection and on masks for results.
void ModelWorker::begin_link() {
  mpc::Channel& channel = link_->channel();
  mpc::Session session = options_.session;
  session.role = mpc::Role(options_.party);
  session.peer = mpc::Role(1 - options_.party);
  mpc::open_session(channel, session);
  std::vector<Id> ids{random_id(), random_id()};
  if (options_.party == 0)
    send_ids(channel, ids);
  else
    ids = receive_ids(channel, ids.size());
  link_id_ = ids[0];
  mpc::Block seed;
  std::memcpy(&seed, ids[1].data(), sizeof seed);
  result_masks_ = std::make_unique<mpc::Generator>(mpc::Generator::from_seed(seed));
  evaluations_ = 0;
}

// With the same masks they go on with what is in their stores; else they wait for new ones.
void ModelWorker::agree_on_masks() {
  mpc::Channel& channel = link_->channel();
  const Id mine = state_.masks();
  send_ids(channel, std::span(&mine, 1));
  if (receive_ids(channel, 1)[0] == mine && mine != Id{}) {
    state_.connect(channel);
  } else {
    state_.forget_masks();
    supply_.set_masks({});
    // The dealer was told, or may have been, that this party has masks; or it has dealt them
    // before.
    if (mine != Id{} || !supply_.expects_masks()) supply_.renew();
  }
  for (const Lane& lane : lanes_) publish(lane);
}

// Names the connection, so that a client sees whether it has reached two servers of one pair.
Answer ModelWorker::open_state() const {
  return {Verdict::ok, fmt::format("link {}", mpc::hex(link_id_))};
}

void ModelWorker::end_link() {
  has_peer_ = false;
  state_.disconnect();
  {
    const std::lock_guard lock(mutex_);
    link_.reset();
  }
  counters_.set_connected(options_.model, "peer", false);
  if (stopping()) return;
  // The log says why; clients need not know the servers' addresses and files.
  queue_.set_state({Verdict::unavailable, "the two servers are not connected: ask again later"});
  queue_.refuse_all({Verdict::lost, "the two servers have lost each other: ask again"});
}

// Puts what the dealer has sent into use, as the other party does.
void ModelWorker::accept(Dealt& dealt, StepKind how) {
  if (how == StepKind::adopt) {
    state_.adopt(dealt, link_->channel());
    supply_.set_masks(state_.masks());
  } else if (how == StepKind::store) {
    lanes_[dealt.lane].store(dealt);
  } else {
    lanes_[dealt.lane].keep(dealt);
  }
  for (const Lane& lane : lanes_) publish(lane);
}

// Batches are of use with the masks that they were dealt for.
bool ModelWorker::fits(const Dealt& dealt) const {
  return dealt.is_masks || (state_.connected() && dealt.masks == state_.masks());
}

// Takes what is next at hand, for good.
void ModelWorker::take_batch(Lane& lane) {
  const BatchName name = lane.front();
  lane.prepare();
  counters_.burned(options_.model, lane.batch());
  publish(lane);
  if (!options_.trace) return;
  const bool stored = name.deal == Id{};
  log("model {}: burnt batch {} of {} {}, {} images", options_.model, name.number,
      stored ? "masks" : "deal", short_text(stored ? state_.masks() : name.deal), lane.batch());
}

void ModelWorker::publish(const Lane& lane) {
  const std::uint64_t batches = lane.stored() + lane.at_hand();
  supply_.set_stock(index_of(lane), batches);
  counters_.set_stored(options_.model, lane.batch(), batches);
}

// Slots that nobody needs, or that one party lacks, are zero at both.
Tensor ModelWorker::images_of(const Lane& lane, const Tickets& slots) const {
  Tensor images = Tensor::zeros(options_.image.with(0, std::int64_t(lane.batch())), DType::ring64);
  const auto words = images.values<Ring>();
  const auto size = std::size_t(options_.image.elements());
  for (std::size_t i = 0; i < slots.size(); ++i)
    if (slots[i]) std::copy_n(slots[i]->image.data(), size, &words[i * size]);
  return images;
}

// Ends every ticket among `slots`, null where there is none.
void ModelWorker::evaluate(Lane& lane, const Tickets& slots) {
  const auto start = ServeClock::now();
  const std::uint64_t evaluation = evaluations_++;
  const auto classes = std::size_t(options_.classes);
  try {
    const Tensor logits = lane.run(images_of(lane, slots));
    const auto words = logits.values<Ring>();
    // A client sees both shares: they are made uniform whatever the last layer left in them.
    std::vector<Ring> masks(words.size());
    result_masks_->fill(std::span(masks));
    std::size_t images = 0;
    for (std::size_t i = 0; i < slots.size(); ++i) {
      if (!slots[i]) continue;
      mpc::SecretWords result(classes);
      for (std::size_t c = 0; c < classes; ++c) {
        const std::size_t at = i * classes + c;
        result[c] = options_.party == 0 ? words[at] + masks[at] : words[at] - masks[at];
      }
      queue_.finish(slots[i], std::move(result), {link_id_, evaluation, std::uint32_t(i)});
      ++images;
    }
    const double seconds = std::chrono::duration<double>(ServeClock::now() - start).count();
    counters_.evaluated(options_.model, lane.batch(), images, seconds);
    if (options_.trace)
      log("model {}: evaluation {} of link {}: {} of {} slots, {:.1f} ms", options_.model,
          evaluation, short_text(link_id_), images, lane.batch(), 1e3 * seconds);
  } catch (...) {
    lose(slots);
    throw;
  }
}

// Ends tickets that were taken for an evaluation that failed.
void ModelWorker::lose(const Tickets& slots) {
  for (const auto& ticket : slots)
    if (ticket && !ticket->ended)
      queue_.refuse(ticket, {Verdict::lost, "the evaluation broke off: ask again"});
}

}  // namespace hush::apps
