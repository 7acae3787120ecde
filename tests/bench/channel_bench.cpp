// Channels in numbers: two processes on this machine, one thread each. For TCP, TLS and TCP with an
// emulated LAN: round trip of small messages, then simultaneous exchange and one-way transfer of
// large ones, with the CPU time that they cost a party, beside the memcpy rate of the same run.
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <functional>
#include <vector>

#include "mpc/channel/certificate_authority.h"
#include "mpc/channel/emulated_transport.h"
#include "mpc/channel/framed_channel.h"
#include "mpc/channel/tcp_transport.h"
#include "mpc/channel/tls_transport.h"

namespace hush::mpc {
namespace {

constexpr Tag kTag{1};
using Bytes = std::vector<std::byte>;

double seconds(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

// Wall time: median of the runs. CPU time: mean.
struct Cost {
  double wall = 0;
  double cpu = 0;
};

Cost measure(int runs, const std::function<void()>& run) {
  run();
  std::vector<double> times;
  const double cpu = seconds(CLOCK_THREAD_CPUTIME_ID);
  for (int i = 0; i < runs; ++i) {
    const double start = seconds(CLOCK_MONOTONIC);
    run();
    times.push_back(seconds(CLOCK_MONOTONIC) - start);
  }
  std::nth_element(times.begin(), times.begin() + runs / 2, times.end());
  return {times[static_cast<std::size_t>(runs) / 2],
          (seconds(CLOCK_THREAD_CPUTIME_ID) - cpu) / runs};
}

void ping_pong(int party, Channel& channel, std::size_t size) {
  Bytes out(size), in(size);
  const Cost cost = measure(500, [&] {
    if (party == 0) {
      channel.send(out, kTag);
      channel.receive(in, kTag);
    } else {
      channel.receive(in, kTag);
      channel.send(out, kTag);
      channel.flush();
    }
  });
  if (party == 0) fmt::print("  round trip {:>9} B  {:9.1f} us\n", size, cost.wall * 1e6);
}

void transfer(int party, Channel& channel, std::size_t size, int runs) {
  Bytes out(size, std::byte{1}), in(size);
  const double megabytes = static_cast<double>(size) / 1e6;
  const Cost both = measure(runs, [&] { channel.exchange(out, in, kTag); });
  const Cost one = measure(runs, [&] {
    if (party == 0) channel.send(out, kTag);
    if (party == 1) channel.receive(in, kTag);
    // The answer makes the sender's time that of the whole transfer.
    if (party == 0) channel.receive(std::span(in).first(1), kTag);
    if (party == 1) channel.send(std::span(out).first(1), kTag);
    channel.flush();
  });
  if (party != 0) return;
  fmt::print("  exchange   {:>9} B  {:9.2f} ms  {:5.2f} GB/s each way, {:.2f} ms CPU\n", size,
             both.wall * 1e3, megabytes / both.wall / 1e3, both.cpu * 1e3);
  fmt::print("  one way    {:>9} B  {:9.2f} ms  {:5.2f} GB/s, {:.2f} ms CPU\n", size,
             one.wall * 1e3, megabytes / one.wall / 1e3, one.cpu * 1e3);
}

void run_party(int party, Channel& channel) {
  for (const std::size_t size : {8U, 1000U, 16384U, 100000U}) ping_pong(party, channel, size);
  transfer(party, channel, 1000000, 50);
  transfer(party, channel, 5340000, 20);
  transfer(party, channel, 100000000, 3);
}

void run(const char* title, bool tls, const char* network) {
  fmt::print("{}\n", title);
  std::fflush(stdout);
  const CertificateAuthority authority;
  const std::array credentials{authority.issue("party0"), authority.issue("party1")};
  const Listener listener(Address{}, Reach::loopback_only);
  const auto deadline = Clock::now() + std::chrono::seconds(10);
  const pid_t child = fork();
  const int party = child == 0 ? 1 : 0;
  Socket socket = party == 0 ? listener.accept(deadline)
                             : connect_socket(Address{"127.0.0.1", listener.port()},
                                              Reach::loopback_only, deadline);
  std::unique_ptr<Transport> transport;
  if (tls)
    transport = std::make_unique<TlsTransport>(
        std::move(socket), party == 0 ? TlsSide::accepting : TlsSide::connecting,
        credentials[static_cast<std::size_t>(party)], party == 0 ? "party1" : "party0", deadline);
  else
    transport = std::make_unique<TcpTransport>(std::move(socket));
  if (const auto model = parse_network(network))
    transport = std::make_unique<EmulatedTransport>(std::move(transport), *model);
  {
    FramedChannel channel(std::move(transport));
    run_party(party, channel);
  }
  if (party == 1) _exit(0);
  waitpid(child, nullptr, 0);
}

void ceiling() {
  Bytes from(5340000, std::byte{1}), to(from.size());
  const Cost copy = measure(100, [&] { std::memcpy(to.data(), from.data(), from.size()); });
  fmt::print("memcpy of {} B: {:.2f} GB/s\n", from.size(),
             static_cast<double>(from.size()) / copy.wall / 1e9);
}

}  // namespace
}  // namespace hush::mpc

int main() {
  try {
    hush::mpc::ceiling();
    hush::mpc::run("TCP", false, "loopback");
    hush::mpc::run("TLS 1.3", true, "loopback");
    hush::mpc::run("TCP, emulated network: 0.1 ms one way, 1 GB/s", false, "lan");
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
