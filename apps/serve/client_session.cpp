#include "apps/serve/client_session.h"

#include <algorithm>

namespace hush::apps {

mpc::Session client_protocol(mpc::Role role, mpc::Role peer) {
  mpc::Session session;
  session.role = role;
  session.peer = peer;
  session.options = mpc::sha256(std::string("hush queries 1"));
  return session;
}

void ClientSession::serve() {
  channel_.set_timeout(limits_.idle);
  mpc::open_session(channel_, client_protocol(mpc::Role(party_), mpc::Role::client));
  const Selection selection = receive_selection(channel_);
  const ClientModel* const model = select(selection);
  if (model == nullptr) return;
  while (serve_request(*model, selection.session)) {
  }
}

void ClientSession::turn_away(const Answer& answer) {
  mpc::open_session(channel_, client_protocol(mpc::Role(party_), mpc::Role::client));
  (void)receive_selection(channel_);
  send_answer(channel_, answer);
}

// Null, with an answer sent, if there is no such model.
const ClientModel* ClientSession::select(const Selection& selection) {
  const auto found = std::ranges::find_if(
      models_, [&](const ClientModel& model) { return model.name == selection.model; });
  const ClientModel* model = found == models_.end() ? nullptr : &*found;
  if (selection.model.empty() && models_.size() == 1) model = &models_[0];
  if (model != nullptr) {
    send_answer(channel_, {});
    send_card(channel_, model->card);
    return model;
  }
  const std::string asked = selection.model.empty() ? "which model? " : "there is no such model; ";
  std::string names;
  for (const ClientModel& one : models_) names += " " + one.name;
  send_answer(channel_, {Verdict::refused, asked + "this server has:" + names});
  return nullptr;
}

// False if the connection is of no further use.
bool ClientSession::serve_request(const ClientModel& model, const Id& session) {
  const Request request = receive_request(channel_);
  Answer admission;
  if (request.images == 0 || request.images > limits_.most_images)
    admission = {Verdict::refused, fmt::format("a request has 1 to {} images, not {}",
                                               limits_.most_images, request.images)};
  else
    admission = model.queue->reserve(request.images);
  send_answer(channel_, admission);
  if (!admission.ok()) {
    counters_.answered(model.name, admission.verdict,
                       std::min<std::size_t>(request.images, kMaxBatch));
    return admission.verdict != Verdict::stopping;
  }
  Tickets tickets;
  try {
    tickets = receive_images(model, session, request);
  } catch (...) {
    model.queue->release(request.images);
    throw;
  }
  model.queue->add(tickets);
  model.queue->wait(tickets);
  counters_.answered(model.name, send_results(model, tickets), tickets.size());
  return true;
}

Tickets ClientSession::receive_images(const ClientModel& model, const Id& session,
                                      const Request& request) {
  const auto deadline = ServeClock::now() + limits_.patience;
  Tickets tickets;
  for (std::uint32_t i = 0; i < request.images; ++i) {
    auto ticket = std::make_shared<Ticket>();
    ticket->id = {session, request.number, i};
    ticket->deadline = deadline;
    ticket->image = mpc::SecretWords(model.image_words);
    channel_.receive_array(std::span(ticket->image.data(), ticket->image.size()), kImageShares);
    tickets.push_back(std::move(ticket));
  }
  return tickets;
}

// All results, or the reason of the first image that has none.
Verdict ClientSession::send_results(const ClientModel& model, const Tickets& tickets) {
  const auto failed =
      std::ranges::find_if(tickets, [](const auto& ticket) { return !ticket->answer.ok(); });
  if (failed != tickets.end()) {
    send_answer(channel_, (*failed)->answer);
    return (*failed)->answer.verdict;
  }
  std::vector<Stamp> stamps;
  for (const auto& ticket : tickets) stamps.push_back(ticket->stamp);
  send_answer(channel_, {});
  send_stamps(channel_, stamps);
  for (const auto& ticket : tickets)
    channel_.send_array(std::span<const Ring>(ticket->result.data(), model.result_words),
                        kResultShares);
  channel_.flush();
  return Verdict::ok;
}

}  // namespace hush::apps
