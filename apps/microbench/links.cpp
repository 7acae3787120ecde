#include "apps/microbench/links.h"

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <map>
#include <thread>
#include <vector>

#include "apps/microbench/processors.h"
#include "mpc/channel/certificate_authority.h"
#include "mpc/channel/emulated_transport.h"
#include "mpc/channel/memory_transport.h"
#include "mpc/channel/tcp_transport.h"
#include "mpc/channel/tls_transport.h"
#include "mpc/ot/generator.h"

namespace hush::apps {
namespace {

using mpc::Role;

constexpr std::chrono::seconds kConnectTime{30};
// A role may have to wait for another one's longest computation.
constexpr std::chrono::minutes kIdleTime{30};

struct Pair {
  Role listens, connects;
  std::optional<mpc::NetworkModel> network;
  bool more = false;
};
// Everybody goes through these in the same order, so that nobody waits for who waits for him.
std::vector<Pair> pairs_of(const LinkOptions& options) {
  std::vector<Pair> pairs = {{Role::party0, Role::party1, options.network}};
  for (const auto& network : options.more)
    pairs.push_back({Role::party0, Role::party1, network, true});
  for (const Role party : {Role::party0, Role::party1}) {
    if (options.dealer) pairs.push_back({Role::dealer, party, options.network});
    if (options.client) pairs.push_back({Role::client, party, {}});
  }
  return pairs;
}

std::vector<Role> roles_of(const LinkOptions& options) {
  std::vector<Role> roles = {Role::party0, Role::party1};
  if (options.client) roles.insert(roles.begin(), Role::client);
  if (options.dealer) roles.push_back(Role::dealer);
  return roles;
}

// What exists before the roles part ways.
class Meeting {
 public:
  explicit Meeting(const LinkOptions& options) : options_(options), pairs_(pairs_of(options)) {
    const mpc::Block id = mpc::system_entropy();
    std::copy_n(std::as_bytes(std::span(&id, 1)).begin(), session_id_.size(), session_id_.begin());
    options_digest_ = mpc::sha256(options.options);
    for (std::size_t i = 0; i < pairs_.size(); ++i) {
      if (options.transport == TransportKind::memory) {
        auto [listening, connecting] = mpc::make_memory_transports();
        ends_.push_back({std::move(listening), std::move(connecting)});
      } else {
        listeners_.push_back(std::make_unique<mpc::Listener>(mpc::Address{"127.0.0.1", 0},
                                                             mpc::Reach::loopback_only));
      }
    }
    if (options.transport != TransportKind::tls) return;
    const mpc::CertificateAuthority authority;
    for (const Role role : roles_of(options))
      credentials_[role] = authority.issue(std::string(mpc::role_name(role)));
  }

  Links links_of(Role role) {
    Links links;
    for (std::size_t i = 0; i < pairs_.size(); ++i) {
      const auto& [listens, connects, network, more] = pairs_[i];
      if (role != listens && role != connects) continue;
      const Role peer = role == listens ? connects : listens;
      std::unique_ptr<mpc::Transport> transport = connect(i, role == listens, role, peer);
      if (network)
        transport = std::make_unique<mpc::EmulatedTransport>(std::move(transport), *network);
      auto channel = std::make_unique<mpc::FramedChannel>(std::move(transport));
      mpc::Session session;
      session.role = role;
      session.peer = peer;
      session.id = session_id_;
      session.options = options_digest_;
      session.graph = options_.graph;
      mpc::open_session(*channel, session);
      channel->set_timeout(kIdleTime);
      if (more)
        links.more.push_back(std::move(channel));
      else
        links[std::size_t(peer)] = std::move(channel);
    }
    return links;
  }

 private:
  std::unique_ptr<mpc::Transport> connect(std::size_t pair, bool listens, Role role, Role peer) {
    if (options_.transport == TransportKind::memory)
      return std::move(listens ? ends_[pair].first : ends_[pair].second);
    const auto deadline = mpc::Clock::now() + kConnectTime;
    mpc::Socket socket = listens ? listeners_[pair]->accept(deadline)
                                 : mpc::connect_socket({"127.0.0.1", listeners_[pair]->port()},
                                                       mpc::Reach::loopback_only, deadline);
    if (options_.transport == TransportKind::tcp)
      return std::make_unique<mpc::TcpTransport>(std::move(socket));
    return std::make_unique<mpc::TlsTransport>(
        std::move(socket), listens ? mpc::TlsSide::accepting : mpc::TlsSide::connecting,
        credentials_.at(role), std::string(mpc::role_name(peer)), deadline);
  }

  using Ends = std::pair<std::unique_ptr<mpc::Transport>, std::unique_ptr<mpc::Transport>>;
  const LinkOptions& options_;
  std::vector<Pair> pairs_;
  std::array<std::byte, 16> session_id_{};
  mpc::Digest options_digest_{};
  std::vector<Ends> ends_;
  std::vector<std::unique_ptr<mpc::Listener>> listeners_;
  std::map<Role, mpc::TlsCredentials> credentials_;
};

// True if it came to its end; else it has said why.
bool run_quietly(Meeting& meeting, Role role, const RoleBody& body) {
  try {
    Links links = meeting.links_of(role);
    body(role, links);
    return true;
  } catch (const std::exception& error) {
    fmt::print(stderr, "pi_bench ({}): {}\n", mpc::role_name(role), error.what());
    return false;
  }
}

void run_threads(Meeting& meeting, const std::vector<Role>& roles, const RoleBody& body) {
  std::vector<std::thread> threads;
  std::vector<char> fine(roles.size(), 1);
  for (std::size_t i = 1; i < roles.size(); ++i)
    threads.emplace_back([&, i] { fine[i] = run_quietly(meeting, roles[i], body); });
  std::exception_ptr error;
  try {
    Links links = meeting.links_of(roles[0]);
    body(roles[0], links);
  } catch (...) {
    error = std::current_exception();
  }
  for (std::thread& thread : threads) thread.join();
  if (error) std::rethrow_exception(error);
  if (std::find(fine.begin(), fine.end(), 0) != fine.end()) throw Error("another party failed");
}

void run_processes(Meeting& meeting, const std::vector<Role>& roles, int threads,
                   const RoleBody& body) {
  std::vector<pid_t> children;
  std::fflush(stdout);
  for (std::size_t i = 1; i < roles.size(); ++i) {
    const pid_t child = fork();
    if (child < 0) throw Error("cannot start another process");
    if (child == 0) {
      take_processors(roles[i], threads);
      _exit(run_quietly(meeting, roles[i], body) ? 0 : 1);
    }
    children.push_back(child);
  }
  std::exception_ptr error;
  take_processors(roles[0], threads);
  try {
    Links links = meeting.links_of(roles[0]);
    body(roles[0], links);
  } catch (...) {
    error = std::current_exception();  // and the links are closed, so that the others end too
  }
  bool fine = true;
  for (const pid_t child : children) {
    int status = 0;
    fine = waitpid(child, &status, 0) == child && status == 0 && fine;
  }
  if (error) std::rethrow_exception(error);
  if (!fine) throw Error("another party failed");
}

}  // namespace

void run_roles(const LinkOptions& options, const RoleBody& body) {
  Meeting meeting(options);
  const std::vector<Role> roles = roles_of(options);
  if (options.transport == TransportKind::memory) {
    run_threads(meeting, roles, body);
  } else {
    run_processes(meeting, roles, options.threads, body);
  }
}

}  // namespace hush::apps
