// A server's side of one client: reads shares of images, waits for their evaluation, sends shares
// of results. One request at a time on a connection (docs/wire_format.md, "Queries").
//
// What a client may make a server spend is bounded before it is spent: images per request, places
// in the queue, seconds until a query is given up, and seconds of silence.
#pragma once

#include "apps/serve/counters.h"
#include "apps/serve/link.h"
#include "apps/serve/ticket_queue.h"
#include "mpc/channel/session.h"

namespace hush::apps {

// What a client session needs of a model.
struct ClientModel {
  std::string name;
  std::string card;             // for the client (model_files.h)
  std::size_t image_words = 0;  // ring elements of one image, and of one result
  std::size_t result_words = 0;
  TicketQueue* queue = nullptr;
};

struct ClientLimits {
  std::size_t most_images = 16;            // per request; at most kMaxBatch
  std::chrono::seconds patience{30};       // a query is given up after
  std::chrono::milliseconds idle{120000};  // a silent client is disconnected after
};

class ClientSession {
 public:
  ClientSession(Link& link, const std::vector<ClientModel>& models, const ClientLimits& limits,
                ServerCounters& counters, int party)
      : channel_(link.channel()),
        models_(models),
        limits_(limits),
        counters_(counters),
        party_(party) {}

  // Until the client goes (PeerClosed) or misbehaves (ProtocolViolation), or the queue stops.
  void serve();
  // Answers its first message so, and no other.
  void turn_away(const Answer& answer);

 private:
  const ClientModel* select(const Selection& selection);
  bool serve_request(const ClientModel& model, const Id& session);
  Tickets receive_images(const ClientModel& model, const Id& session, const Request& request);
  Verdict send_results(const ClientModel& model, const Tickets& tickets);

  mpc::Channel& channel_;
  const std::vector<ClientModel>& models_;
  ClientLimits limits_;
  ServerCounters& counters_;
  int party_;
};

// What both ends of a client's connection open their session with.
mpc::Session client_protocol(mpc::Role role, mpc::Role peer);

}  // namespace hush::apps
