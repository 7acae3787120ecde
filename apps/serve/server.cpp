#include "apps/serve/server.h"

#include "apps/serve/log.h"

namespace hush::apps {
namespace {

using std::chrono::milliseconds;

// Batches for so many images, by lane, as far as they fit into so many bytes; but at least one.
std::vector<std::uint64_t> targets(const ServerModel& model, const ServerOptions& options,
                                   std::size_t images, std::uint64_t most_bytes) {
  std::vector<std::uint64_t> result;
  for (const std::size_t batch : model.batches) {
    const mpc::Demand demand = model.evaluator->batch_demand(std::int64_t(batch));
    const std::uint64_t bytes = std::max<std::uint64_t>(1, demand.share_bytes(options.party));
    const std::uint64_t wanted = (images + batch - 1) / batch;
    result.push_back(std::max<std::uint64_t>(1, std::min(wanted, most_bytes / bytes)));
  }
  return result;
}

std::vector<std::uint64_t> stock_targets(const ServerModel& model, const ServerOptions& options) {
  return targets(model, options, options.stock, options.stock_bytes);
}

// At most half of the stock: a restart begins with the rest.
std::vector<std::uint64_t> memory_targets(const ServerModel& model, const ServerOptions& options) {
  return targets(model, options, (options.stock + 1) / 2, options.memory_bytes);
}

}  // namespace

Server::Model::Model(const ServerModel& model, const ServerOptions& options)
    : name(model.name), queue(options.queue), supply(stock_targets(model, options)) {}

Server::Server(ServerOptions options, std::vector<ServerModel> models, ServerCounters& counters)
    : options_(std::move(options)), counters_(counters) {
  std::filesystem::create_directories(options_.state);
  std::filesystem::permissions(options_.state, std::filesystem::perms::owner_all);
  for (ServerModel& model : models) start_model(std::move(model));
  AcceptorOptions accepting;
  accepting.address = options_.listen;
  accepting.credentials = options_.credentials;
  accepting.expected = {"client", "party0", "party1"};
  // Some places are for the other server, and for clients that are told that there are too many.
  accepting.most_connections = options_.clients + models_.size() + 16;
  accepting.channel = {.timeout = options_.timeout};
  acceptor_ =
      std::make_unique<Acceptor>(std::move(accepting), [this](const auto& link) { serve(link); });
  if (options_.party == 0 && options_.peer.port != 0)
    looking_ = std::thread([this] { look_for_peer(); });
}

Server::~Server() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    stopped_.notify_all();
  }
  if (looking_.joinable()) looking_.join();
  acceptor_->stop_listening();
  for (const auto& model : models_) {
    model->refiller.reset();
    model->worker.reset();
  }
  acceptor_.reset();
}

void Server::start_model(ServerModel given) {
  auto model = std::make_unique<Model>(given, options_);
  auto at_hand = memory_targets(given, options_);
  ModelState state({options_.party, options_.state, given.name, given.binding, given.batches},
                   std::move(given.evaluator));
  RefillerOptions refilling{options_.party,       given.name,    options_.dealer,
                            options_.credentials, given.session, state.demand()};
  refilling.session.role = mpc::Role(options_.party);
  refilling.session.peer = mpc::Role::dealer;
  WorkerOptions working{options_.party, given.name,        given.image,          given.classes,
                        given.session,  options_.peer,     options_.credentials, options_.timeout,
                        options_.trace, std::move(at_hand)};
  client_models_.push_back({given.name, given.card, std::size_t(given.image.elements()),
                            std::size_t(given.classes), &model->queue});
  model->worker = std::make_unique<ModelWorker>(std::move(working), std::move(state), model->queue,
                                                model->supply, counters_,
                                                [this](const std::string& why) { fail(why); });
  model->refiller = std::make_unique<Refiller>(std::move(refilling), model->supply);
  models_.push_back(std::move(model));
}

void Server::serve(const std::shared_ptr<Link>& link) {
  const std::string own = options_.party == 0 ? "party0" : "party1";
  if (link->peer_name() == "client") return serve_client(*link);
  if (link->peer_name() != own) return meet_peer(link);
  fail(fmt::format("{} is {} as well: start one of the two servers with the other --party",
                   link->peer(), own));
}

void Server::serve_client(Link& link) {
  struct Place {
    Server& server;
    std::size_t others;
    explicit Place(Server& of) : server(of), others(of.clients_++) { of.counters_.add_clients(1); }
    ~Place() {
      --server.clients_;
      server.counters_.add_clients(-1);
    }
  } const place(*this);
  ClientSession session(link, client_models_, options_.limits, counters_, options_.party);
  if (place.others < options_.clients)
    session.serve();
  else
    session.turn_away({Verdict::busy, "too many clients are connected: ask again in a moment"});
}

// Party 0's workers get their connection here. Party 1 dials itself; whoever comes only looks.
void Server::meet_peer(const std::shared_ptr<Link>& link) {
  if (options_.party == 1) return;
  const std::string name = receive_name(link->channel());
  for (const auto& model : models_) {
    if (model->name != name) continue;
    send_answer(link->channel(), {});
    model->worker->meet(link);
    return;
  }
  send_answer(link->channel(), {Verdict::refused, "party 0 has no model \"" + name + "\""});
  log("party 1 asks for model \"{}\", which is not here", name);
}

// Two servers started as party 0 would wait for each other for ever.
void Server::look_for_peer() {
  std::unique_lock lock(mutex_);
  while (!stopped_.wait_for(lock, milliseconds(1000), [&] { return stopping_; })) {
    bool connected = true;
    for (const auto& model : models_) connected = connected && model->worker->has_peer();
    if (connected) continue;
    lock.unlock();
    try {
      const auto link = Link::connect(options_.peer, options_.credentials, {"party0", "party1"},
                                      milliseconds(1000), {});
      if (link->peer_name() == "party0")
        fail(fmt::format("the server at {} is party0 as well: start one of the two with --party 1",
                         options_.peer.text()));
    } catch (const mpc::ChannelError&) {  // it is not there: the workers say so
    }
    lock.lock();
  }
}

void Server::fail(const std::string& reason) {
  const std::lock_guard lock(mutex_);
  if (failure_.empty()) failure_ = reason;
}

void Server::check() const {
  const std::lock_guard lock(mutex_);
  if (!failure_.empty()) throw mpc::SessionMismatch(failure_);
}

}  // namespace hush::apps
