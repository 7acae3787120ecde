#include "apps/serve/counters.h"

#include <prometheus/counter.h>
#include <prometheus/exposer.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include "mpc/channel/socket.h"

namespace hush::apps {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;
using prometheus::Registry;

constexpr const char* kVerdicts[] = {"ok", "busy", "unavailable", "refused", "lost", "stopping"};
const Histogram::BucketBoundaries kSeconds = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                              0.5,   1,    2.5,   5,    10,  30};

Family<Counter>& counters(Registry& registry, const char* name, const char* help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
}

Family<Gauge>& gauges(Registry& registry, const char* name, const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
}

prometheus::Labels lane_labels(const std::string& model, std::size_t batch) {
  return {{"model", model}, {"batch", std::to_string(batch)}};
}

}  // namespace

Counters::Counters() : registry_(std::make_shared<Registry>()) {}
Counters::~Counters() = default;

int Counters::expose(const std::string& address) {
  const mpc::Address parsed = mpc::Address::parse(address);
  require(parsed.host == "127.0.0.1" || parsed.host == "::1" || parsed.host == "localhost",
          "counters are for this machine alone: {} is not a loopback address", parsed.host);
  try {
    exposer_ = std::make_unique<prometheus::Exposer>(parsed.text(), 1);
  } catch (const std::exception&) {  // civetweb's exception says "null context" only
    throw mpc::ConnectionError(
        fmt::format("cannot serve counters at {}: is the port in use?", address));
  }
  exposer_->RegisterCollectable(registry_);
  return exposer_->GetListeningPorts().at(0);
}

std::string Counters::text() const {
  return prometheus::TextSerializer().Serialize(registry_->Collect());
}

struct ServerCounters::Families {
  explicit Families(Registry& registry)
      : images(counters(registry, "hush_images_total", "Images of requests, by how they ended")),
        evaluations(counters(registry, "hush_evaluations_total", "Secure evaluations completed")),
        evaluated(counters(registry, "hush_evaluated_images_total", "Images in them")),
        burned(counters(registry, "hush_burned_batches_total", "Correlation batches used up")),
        stored(gauges(registry, "hush_stored_batches", "Correlation batches in the store")),
        queued(gauges(registry, "hush_queued_images", "Places of the queue that are taken")),
        connected(gauges(registry, "hush_connected", "1 if the peer or dealer is connected")),
        clients(gauges(registry, "hush_clients", "Clients that are connected").Add({})),
        seconds(prometheus::BuildHistogram()
                    .Name("hush_evaluation_seconds")
                    .Help("Time of a secure evaluation, online phase")
                    .Register(registry)) {}

  Family<Counter>& images;
  Family<Counter>& evaluations;
  Family<Counter>& evaluated;
  Family<Counter>& burned;
  Family<Gauge>& stored;
  Family<Gauge>& queued;
  Family<Gauge>& connected;
  Gauge& clients;
  Family<Histogram>& seconds;
};

// Family::Add returns the metric that is there for labels that it has seen.
ServerCounters::ServerCounters() : families_(std::make_unique<Families>(registry())) {}
ServerCounters::~ServerCounters() = default;

void ServerCounters::answered(const std::string& model, Verdict verdict, std::size_t images) {
  const char* const name = kVerdicts[std::size_t(verdict)];
  families_->images.Add({{"model", model}, {"verdict", name}}).Increment(double(images));
}

void ServerCounters::evaluated(const std::string& model, std::size_t batch, std::size_t images,
                               double seconds) {
  families_->evaluations.Add(lane_labels(model, batch)).Increment();
  families_->evaluated.Add(lane_labels(model, batch)).Increment(double(images));
  families_->seconds.Add(lane_labels(model, batch), kSeconds).Observe(seconds);
}

void ServerCounters::burned(const std::string& model, std::size_t batch) {
  families_->burned.Add(lane_labels(model, batch)).Increment();
}

void ServerCounters::set_stored(const std::string& model, std::size_t batch,
                                std::uint64_t batches) {
  families_->stored.Add(lane_labels(model, batch)).Set(double(batches));
}

void ServerCounters::set_queued(const std::string& model, std::size_t images) {
  families_->queued.Add({{"model", model}}).Set(double(images));
}

void ServerCounters::set_connected(const std::string& model, const char* who, bool connected) {
  families_->connected.Add({{"model", model}, {"to", who}}).Set(connected ? 1 : 0);
}

void ServerCounters::add_clients(int change) {
  families_->clients.Increment(change);
}

struct DealerCounters::Families {
  explicit Families(Registry& registry)
      : batches(counters(registry, "hush_dealt_batches_total", "Correlation batches dealt")),
        bytes(counters(registry, "hush_dealt_bytes_total", "Bytes sent for them")) {}
  Family<Counter>& batches;
  Family<Counter>& bytes;
};

DealerCounters::DealerCounters() : families_(std::make_unique<Families>(registry())) {}
DealerCounters::~DealerCounters() = default;

void DealerCounters::dealt(const std::string& model, std::uint64_t bytes) {
  families_->batches.Add({{"model", model}}).Increment();
  families_->bytes.Add({{"model", model}}).Increment(double(bytes));
}

}  // namespace hush::apps
