// One of the two servers: its models, each with a queue, a supply of correlations and a thread, and
// one port for the other server and for clients, who are told apart by their certificates.
#pragma once

#include <condition_variable>
#include <mutex>

#include "apps/serve/acceptor.h"
#include "apps/serve/client_session.h"
#include "apps/serve/model_worker.h"
#include "apps/serve/refiller.h"

namespace hush::apps {

struct ServerOptions {
  int party = 0;
  mpc::Address listen, peer, dealer;
  mpc::TlsCredentials credentials;
  std::filesystem::path state;  // folder for masks and stores
  std::size_t stock = 64;       // images' worth of correlations to keep per lane,
  std::uint64_t stock_bytes = std::uint64_t{4} << 30;     // but no more than this, or one batch
  std::uint64_t memory_bytes = std::uint64_t{256} << 20;  // of them in memory, likewise
  std::size_t queue = 256;                                // places for waiting images, per model
  std::size_t clients = 64;                               // connections
  ClientLimits limits;
  std::chrono::milliseconds timeout{30000};
  bool trace = false;
};

// A model to serve.
struct ServerModel {
  std::string name;
  std::string card;
  Shape image;  // [1, H, W, C]
  int classes = 0;
  mpc::Session session;  // graph and options digests
  mpc::Digest binding{};
  std::unique_ptr<Evaluator> evaluator;
  std::vector<std::size_t> batches;  // sizes of evaluations, ascending
};

class Server {
 public:
  // Listens and works from now on. Throws what keeps it from starting.
  Server(ServerOptions options, std::vector<ServerModel> models, ServerCounters& counters);
  // Refuses what waits, finishes what runs.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  std::uint16_t port() const { return acceptor_->port(); }
  // Throws the error that keeps this server from ever working with the other one, if one was found.
  void check() const;

 private:
  struct Model {
    Model(const ServerModel& model, const ServerOptions& options);
    std::string name;
    TicketQueue queue;
    Supply supply;
    // Above what they use:
    std::unique_ptr<ModelWorker> worker;
    std::unique_ptr<Refiller> refiller;
  };

  void start_model(ServerModel model);
  void serve(const std::shared_ptr<Link>& link);
  void serve_client(Link& link);
  void meet_peer(const std::shared_ptr<Link>& link);
  void look_for_peer();
  void fail(const std::string& reason);

  ServerOptions options_;
  ServerCounters& counters_;
  std::atomic<std::size_t> clients_ = 0;
  mutable std::mutex mutex_;
  std::condition_variable stopped_;
  bool stopping_ = false;
  std::string failure_;
  std::vector<ClientModel> client_models_;
  std::vector<std::unique_ptr<Model>> models_;
  std::unique_ptr<Acceptor> acceptor_;
  std::thread looking_;  // party 0: whether the other server is one, too
};

}  // namespace hush::apps
