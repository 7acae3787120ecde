// Oblivious transfer in numbers: two processes on loopback TCP, one thread each, and before that
// the kernels alone. Wall time is what a user waits for and suffers from other load on the machine;
// thread CPU time of each party is what the protocol itself costs (its system calls included).
//
//   ot_bench [millions of transfers, default 4]
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <vector>

#include "mpc/channel/framed_channel.h"
#include "mpc/channel/tcp_transport.h"
#include "mpc/ot/base_ot.h"
#include "mpc/ot/bit_packing.h"
#include "mpc/ot/chosen_ot.h"
#include "mpc/ot/gilboa.h"
#include "mpc/ot/matrix_product.h"
#include "mpc/ot/ring_ot.h"
#include "mpc/ot/transpose.h"

namespace hush::mpc {
namespace {

double seconds(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}
double cpu_seconds() {
  return seconds(CLOCK_THREAD_CPUTIME_ID);
}
double wall_seconds() {
  return seconds(CLOCK_MONOTONIC);
}

// CPU seconds of one call, the best of several batches.
double measure(const std::function<void()>& body) {
  double best = 1e9;
  for (int batch = 0; batch < 5; ++batch) {
    int calls = 0;
    const double start = cpu_seconds();
    for (; cpu_seconds() - start < 0.02; ++calls) body();
    best = std::min(best, (cpu_seconds() - start) / calls);
  }
  return best;
}

void bench_kernels() {
  constexpr std::size_t kBlocks = 8192;
  SecretArray<Block> in(kBlocks);
  SecretArray<Block> out(kBlocks);
  fmt::print("{:<12}{:>14}{:>14}{:>14}   (M blocks/s, thread CPU time, 128 kB)\n", "kernels",
             "generator", "MMO", "fold k=4");
  for (const AesPath path :
       {AesPath::kPortable, AesPath::kAesNi, AesPath::kVaes256, AesPath::kVaes512}) {
    const AesKernels* kernels = find_aes_kernels(path);
    if (kernels == nullptr) continue;
    SecretArray<AesKey> keys(16);
    for (AesKey& key : keys) kernels->expand({1, 2}, key);
    const auto rate = [](std::size_t blocks, double time) { return blocks / time / 1e6; };
    fmt::print(
        "{:<12}{:>14.0f}{:>14.0f}{:>14.0f}\n", kernels->name,
        rate(kBlocks, measure([&] { kernels->counter(keys[0], 0, out.data(), kBlocks); })),
        rate(kBlocks, measure([&] { kernels->mmo(keys[0], in.data(), {}, out.data(), kBlocks); })),
        rate(std::size_t{16} * 64,
             measure([&] { kernels->fold4(keys.data(), 0, 2, in.data(), out.data(), 1024); })));
  }
  for (const unsigned bits : {128, 256, 512})
    if (const TransposeFunction transpose = find_transpose(bits))
      fmt::print("transposition, {} bits: {:.0f} M rows/s\n", bits,
                 kTransposeGroup / measure([&] { transpose(in.data(), 60, 1, out.data()); }) / 1e6);
}

// What one party measured.
struct Usage {
  double cpu = 0;
  double wall = 0;
  std::uint64_t sent = 0;
};

template <class Body>
Usage use(Channel& channel, Body body) {
  const std::uint64_t before = channel.traffic().bytes_sent;
  const double cpu = cpu_seconds();
  const double wall = wall_seconds();
  body();
  return {cpu_seconds() - cpu, wall_seconds() - wall, channel.traffic().bytes_sent - before};
}

// A word each way, so that both start together.
void meet(Channel& channel) {
  std::uint64_t mine = 0;
  std::uint64_t theirs = 0;
  channel.exchange_arrays(std::span(&mine, 1), std::span(&theirs, 1), Tag{0x01fe});
}

// Each row repeats for this long, and reports the best: others may be using the machine.
constexpr double kRowSeconds = 1;

// One row: both halves run it; the sender's process prints.
struct Row {
  const char* name;
  std::size_t count;
  std::function<void(std::size_t)> body;
};

void run_rows(Channel& channel, bool prints, const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    Usage best;
    Usage other;
    double best_wall = 0;
    double spent = 0;  // by the sender's clock, so that both stop after the same repetition
    for (int repeat = 0; repeat < 3 || spent < kRowSeconds; ++repeat) {
      meet(channel);
      const Usage mine = use(channel, [&] {
        row.body(row.count);
        meet(channel);  // both have finished
      });
      Usage theirs;
      channel.exchange_arrays(std::span(&mine, 1), std::span(&theirs, 1), Tag{0x01fd});
      const double wall = prints ? mine.wall : theirs.wall;
      spent += wall;
      if (repeat == 0 || wall < best_wall) {
        best_wall = wall;
        best = mine;
        other = theirs;
      }
    }
    const auto count = static_cast<double>(row.count);
    if (prints)
      fmt::print("  {:<28}{:>10.2f}{:>12.2f}{:>12.2f}{:>12.2f}\n", row.name,
                 count / best_wall / 1e6, best.cpu / count * 1e9, other.cpu / count * 1e9,
                 static_cast<double>(best.sent + other.sent) / count);
  }
  if (prints) std::fflush(stdout);
}

void sender_rows(Channel& channel, OtExtension extension, std::size_t count) {
  Generator generator = Generator::from_system();
  CotSender cot(channel, generator, extension);
  OtSender ot(channel, generator, extension);
  std::vector<std::uint64_t> x(count, 5);
  std::vector<std::uint64_t> r(count);
  std::vector<Block> q(count);
  std::vector<Block> one(count);
  run_rows(channel, true,
           {{"correlated, consumed", count,
             [&](std::size_t n) {
               for (std::size_t done = 0; done < n; done += kOtChunk) cot.next_chunk(kOtChunk);
             }},
            {"correlated, stored", count, [&](std::size_t) { cot.extend(q); }},
            {"random blocks", count, [&](std::size_t) { ot.random(q, one); }},
            {"random bits", count, [&](std::size_t n) { ot.random_bits(n, x, r); }},
            {"chosen blocks", count, [&](std::size_t) { chosen_ot_send(ot, q, one); }},
            {"bit OT", count, [&](std::size_t n) { bit_ot_send(ot, n, x, r); }},
            {"ring OT, 64 bits", count, [&](std::size_t) { ring_ot_send(ot, 64, x, r); }},
            {"products, 64 x 64 bits", count / 64,
             [&](std::size_t n) {
               gilboa_send(ot, 64, 64, std::span(x).first(n), std::span(r).first(n));
             }},
            {"matrix products, n x 32 x 64", count / 64 / 2048 * 2048, [&](std::size_t n) {
               const MatrixShape shape{n / 2048, 32, 64};
               matrix_product_send(ot, shape, 64, 64, std::span(x).first(2048),
                                   std::span(r).first(n / 32));
             }}});
}

void receiver_rows(Channel& channel, OtExtension extension, std::size_t count) {
  Generator generator = Generator::from_system();
  CotReceiver cot(channel, generator, extension);
  OtReceiver ot(channel, generator, extension);
  std::vector<std::uint64_t> choices(count);
  generator.fill(std::span(choices));
  std::vector<std::uint64_t> r(count);
  std::vector<Block> t(count);
  run_rows(channel, false,
           {{"", count,
             [&](std::size_t n) {
               for (std::size_t done = 0; done < n; done += kOtChunk)
                 cot.next_chunk(std::span(choices).subspan(done / 64), kOtChunk);
               channel.flush();
             }},
            {"", count, [&](std::size_t) { cot.extend(choices, t); }},
            {"", count, [&](std::size_t) { ot.random(choices, t); }},
            {"", count, [&](std::size_t n) { ot.random_bits(choices, n, r); }},
            {"", count, [&](std::size_t) { chosen_ot_receive(ot, choices, t); }},
            {"", count, [&](std::size_t n) { bit_ot_receive(ot, n, choices, r); }},
            {"", count, [&](std::size_t) { ring_ot_receive(ot, 64, choices, r); }},
            {"", count / 64,
             [&](std::size_t n) {
               gilboa_receive(ot, 64, 64, std::span(choices).first(n), std::span(r).first(n));
             }},
            {"", count / 64 / 2048 * 2048, [&](std::size_t n) {
               const MatrixShape shape{n / 2048, 32, 64};
               matrix_product_receive(ot, shape, 64, 64, std::span(choices).first(n / 64),
                                      std::span(r).first(n / 32));
             }}});
}

constexpr OtExtension kExtensions[] = {OtExtension::kIknp, OtExtension::kSoftSpoken2,
                                       OtExtension::kSoftSpoken4, OtExtension::kSoftSpoken8};

void bench_base(Channel& channel, bool sends) {
  Generator generator = Generator::from_system();
  std::vector<std::array<Block, 2>> pairs(128);
  std::vector<Block> keys(128);
  const std::uint64_t choices[2] = {1, 2};
  meet(channel);
  const Usage mine = use(channel, [&] {
    if (sends) {
      base_ot_send(channel, generator, pairs);
    } else {
      base_ot_receive(channel, generator, choices, keys);
    }
  });
  Usage theirs;
  channel.exchange_arrays(std::span(&mine, 1), std::span(&theirs, 1), Tag{0x01fd});
  if (sends)
    fmt::print("128 base OTs: {:.1f} ms wall, {:.1f} ms CPU sender, {:.1f} ms CPU receiver\n",
               mine.wall * 1e3, mine.cpu * 1e3, theirs.cpu * 1e3);
}

int receiver_process(std::uint16_t port, std::size_t count) {
  const auto deadline = Clock::now() + std::chrono::seconds(10);
  FramedChannel channel(std::make_unique<TcpTransport>(
      connect_socket({"127.0.0.1", port}, Reach::loopback_only, deadline)));
  bench_base(channel, false);
  for (const OtExtension extension : kExtensions) receiver_rows(channel, extension, count);
  return 0;
}

void sender_process(const Listener& listener, std::size_t count) {
  FramedChannel channel(
      std::make_unique<TcpTransport>(listener.accept(Clock::now() + std::chrono::seconds(10))));
  bench_base(channel, true);
  fmt::print("  {:<28}{:>10}{:>12}{:>12}{:>12}\n", "", "M/s wall", "ns CPU send", "ns CPU recv",
             "bytes each");
  for (const OtExtension extension : kExtensions) {
    const auto k = static_cast<unsigned>(extension);
    fmt::print("{}\n", k == 1 ? "IKNP" : fmt::format("SoftSpoken<{}>", k));
    sender_rows(channel, extension, count);
  }
}

int run(std::size_t count) {
  bench_kernels();
  std::fflush(stdout);
  const Listener listener({"127.0.0.1", 0}, Reach::loopback_only);
  const pid_t child = fork();
  if (child == 0) _exit(receiver_process(listener.port(), count));
  sender_process(listener, count);
  int status = 0;
  waitpid(child, &status, 0);
  return status == 0 ? 0 : 1;
}

}  // namespace
}  // namespace hush::mpc

int main(int argc, char** argv) {
  const long millions = argc > 1 ? std::atol(argv[1]) : 4;
  if (millions < 1 || millions > 256) {
    fmt::print(stderr, "ot_bench: give 1 to 256 millions of transfers\n");
    return 1;
  }
  try {
    return hush::mpc::run(static_cast<std::size_t>(millions) << 20);
  } catch (const std::exception& error) {
    fmt::print(stderr, "ot_bench: {}\n", error.what());
    return 1;
  }
}
