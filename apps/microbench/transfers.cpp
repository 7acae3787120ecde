#include "apps/microbench/transfers.h"

#include <algorithm>
#include <vector>

#include "apps/microbench/measure.h"
#include "mpc/offline/correlations.h"
#include "mpc/offline/ot_prediction.h"
#include "mpc/offline/ot_provider.h"

namespace hush::apps {
namespace {

using namespace mpc;

// Runs `body` at both parties `repeats` times; party 0 gets the row filled.
template <class Body>
void repeat(Channel& peer, int repeats, Row row, Report* report, Body body) {
  std::vector<double> walls;
  for (int i = 0; i < repeats; ++i) {
    meet(peer);
    const Usage mine = measure(peer, [&] { body(); });
    const Usage theirs = swap_usage(peer, mine);
    walls.push_back(wall_of(mine, theirs));
    if (walls.back() > *std::min_element(walls.begin(), walls.end())) continue;
    row.seconds = walls.back();
    row.cpu = mine.cpu + theirs.cpu;
    if (row.group != "ot") row.rounds = rounds_of(mine, theirs);
    row.bytes = double(bytes_of(mine) + bytes_of(theirs)) / 2;
  }
  std::sort(walls.begin(), walls.end());
  row.median = walls[walls.size() / 2];
  if (report != nullptr) report->row(row);
}

// EMP on this kind of machine, in transfers a second.
std::optional<double> emp_rate(OtExtension extension) {
  if (extension == OtExtension::kIknp) return 44e6;
  if (extension == OtExtension::kSoftSpoken4) return 40e6;
  return std::nullopt;
}

}  // namespace

void bench_extensions(int party, Channel& peer, const TransferOptions& options, Report* report) {
  if (report != nullptr)
    report->heading("OT extension, party 0 sends (correlated, then random bits)");
  Generator generator = Generator::from_system();
  const std::size_t count = options.transfers / kOtChunk * kOtChunk;
  std::vector<std::uint64_t> choices(bit_words(count)), zero(choices.size()), one(choices.size());
  generator.fill(std::span(choices));
  for (const OtExtension extension : {OtExtension::kIknp, OtExtension::kSoftSpoken2,
                                      OtExtension::kSoftSpoken4, OtExtension::kSoftSpoken8}) {
    const auto k = unsigned(extension);
    Row row;
    row.group = "ot";
    row.name = k == 1 ? "IKNP" : fmt::format("SoftSpoken<{}>", k);
    row.unit = "OT";
    row.count = double(count);
    row.rounds = cot_cost(extension, count).rounds;  // measured it may join the round before
    const auto emp = emp_rate(extension);
    if (emp) row.quoted = double(count) / *emp;
    row.quoted_from = "EMP (measured earlier)";
    Row bits = row;
    bits.name += ", random bits";
    bits.quoted.reset();
    const auto chunks = [&](auto&& next) {
      for (std::size_t done = 0; done < count; done += kOtChunk) next(done);
    };
    if (party == 0) {
      CotSender cot(peer, generator, extension);
      repeat(peer, options.repeats, row, report,
             [&] { chunks([&](std::size_t) { cot.next_chunk(kOtChunk); }); });
      OtSender ot(peer, generator, extension);
      repeat(peer, options.repeats, bits, report, [&] { ot.random_bits(count, zero, one); });
    } else {
      CotReceiver cot(peer, generator, extension);
      repeat(peer, options.repeats, row, report, [&] {
        chunks([&](std::size_t done) {
          cot.next_chunk(std::span(choices).subspan(done / 64), kOtChunk);
        });
        peer.flush();
      });
      OtReceiver ot(peer, generator, extension);
      repeat(peer, options.repeats, bits, report, [&] { ot.random_bits(choices, count, zero); });
    }
  }
}

void bench_provider(int party, Channel& peer, const TransferOptions& options, Report* report) {
  if (report != nullptr) report->heading("Correlations by OT (SoftSpoken<4>), both parties alone");
  OtProvider provider(party, peer, Generator::from_system());
  const std::size_t bits = options.transfers;
  struct Kind {
    const char* name;
    CorrelationRequest request;
    double count;
  };
  const std::size_t words = std::max<std::size_t>(1, bits / 64);
  const std::size_t elements = std::max<std::size_t>(1, bits / 256);
  const std::size_t groups = words / 8 + 1;
  const std::size_t quarter = bits / 4;
  const Kind kinds[] = {
      {"bit triples", AndTriples::request(words), double(64 * words)},
      {"cross ANDs", CrossAnds::request(words), double(64 * words)},
      {"carry groups of 4", CarryGroups::request(groups, 4, true), double(64 * groups)},
      {"bit pairs", BitPairs::request(quarter), double(quarter)},
      {"bit times value", Selections::request(quarter, 0), double(quarter)},
      {"square pairs", SquarePairs::request(elements), double(elements)},
      {"truncation masks", Truncations::request(elements, 16), double(elements)},
  };
  for (const Kind& kind : kinds) {
    Demand demand;
    demand.add(kind.request);
    if (demand.requests().empty()) continue;
    Row row;
    row.group = "triples";
    row.name = kind.name;
    row.unit = kind.name;
    row.count = kind.count;
    repeat(peer, options.repeats, row, report, [&] {
      MemorySource source;
      provider.provide(demand, source);
    });
  }
}

}  // namespace hush::apps
