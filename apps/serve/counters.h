// Counters of the services in Prometheus' text format, over HTTP on a local port: what an operator
// needs to see that queries are answered and that correlations do not run out. Nothing in them
// depends on images or results. Thread safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "apps/serve/messages.h"

namespace prometheus {
class Exposer;
class Registry;
}  // namespace prometheus

namespace hush::apps {

class Counters {
 public:
  Counters();
  ~Counters();
  Counters(const Counters&) = delete;
  Counters& operator=(const Counters&) = delete;

  // Serves /metrics at `address`, which must be a loopback one; returns the port. Throws
  // ArgumentError or ConnectionError.
  int expose(const std::string& address);
  // What a scrape gets.
  std::string text() const;

 protected:
  prometheus::Registry& registry() { return *registry_; }

 private:
  std::shared_ptr<prometheus::Registry> registry_;
  std::unique_ptr<prometheus::Exposer> exposer_;
};

class ServerCounters : public Counters {
 public:
  ServerCounters();
  ~ServerCounters();

  void answered(const std::string& model, Verdict verdict, std::size_t images);
  void evaluated(const std::string& model, std::size_t batch, std::size_t images, double seconds);
  void burned(const std::string& model, std::size_t batch);
  void set_stored(const std::string& model, std::size_t batch, std::uint64_t batches);
  void set_queued(const std::string& model, std::size_t images);
  void set_connected(const std::string& model, const char* who, bool connected);
  void add_clients(int change);

 private:
  struct Families;
  std::unique_ptr<Families> families_;
};

class DealerCounters : public Counters {
 public:
  DealerCounters();
  ~DealerCounters();

  void dealt(const std::string& model, std::uint64_t bytes);

 private:
  struct Families;
  std::unique_ptr<Families> families_;
};

}  // namespace hush::apps
