// What services say to each other besides the protocols of mpc/, as plain structs, and their bytes
// (docs/wire_format.md, "Services"). Every message has a fixed size, or one that follows from
// numbers that the receiver has checked against its own limits, so that nothing a stranger writes
// decides how much memory is taken.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "mpc/channel/channel.h"

namespace hush::apps {

using Id = std::array<std::byte, 16>;  // random; all zero means none

Id random_id();
// The first half in hexadecimal, for logs.
std::string short_text(const Id& id);

inline constexpr std::size_t kNameBytes = 64;      // of a model's name, padded with zeros
inline constexpr std::size_t kMaxLanes = 8;        // batch sizes of one model
inline constexpr std::size_t kMaxBatch = 64;       // images of one evaluation, and of one request
inline constexpr std::size_t kMaxCard = 64 << 10;  // bytes of a model's description
inline constexpr std::size_t kAnswerBytes = 256;

// How a request ends. All but `ok` come with a reason, one line for people.
enum class Verdict : std::uint32_t {
  ok = 0,
  busy = 1,         // the queue is full: ask again in a moment
  unavailable = 2,  // the other server or fresh correlations are missing: ask again later
  refused = 3,      // asking again will not help: unknown model, too many images, …
  lost = 4,         // the evaluation broke off: ask again
  stopping = 5,     // the server shuts down
};

struct Answer {
  Verdict verdict = Verdict::ok;
  std::string reason;
  bool ok() const { return verdict == Verdict::ok; }
};

// Which query a share belongs to, equal at both servers: the client's random session id, a number
// that counts its requests, and the image's place in the request.
struct QueryId {
  Id session{};
  std::uint64_t request = 0;
  std::uint32_t image = 0;
  friend bool operator==(const QueryId&, const QueryId&) = default;
  friend auto operator<=>(const QueryId&, const QueryId&) = default;
};

// Client → server, once per connection.
struct Selection {
  Id session{};
  std::string model;  // empty: the only one there is
};

// Client → server: so many images follow, if the answer is ok.
struct Request {
  std::uint64_t number = 0;
  std::uint32_t images = 0;
};

// Which evaluation made a result. Shares may be added only if both servers name the same.
struct Stamp {
  Id link{};
  std::uint64_t evaluation = 0;
  std::uint32_t slot = 0;
  friend bool operator==(const Stamp&, const Stamp&) = default;
};

// Party 0 → party 1: what both do next. Party 1 answers every step.
enum class StepKind : std::uint32_t {
  idle = 0,     // nothing; shows that the link lives
  adopt = 1,    // take over the weight masks `deal`, just dealt
  store = 2,    // put the dealt batch `deal` into the store
  keep = 3,     // keep the dealt batch `deal` in memory, for one of the next evaluations
  fetch = 4,    // burn `count` batches of the store, from number `number` on, into memory
  prepare = 5,  // take the batch `deal`, `number` from memory, and compute what needs no input
  run = 6,      // evaluate the images named in `slots`
};
struct Step {
  StepKind kind = StepKind::idle;
  std::uint32_t lane = 0;
  // Of the dealer's session, for what was dealt; prepare: none for a batch of the store.
  Id deal{};
  // adopt, store, keep: of the deal; fetch: of the first batch; run: of the evaluation.
  std::uint64_t number = 0;
  std::uint32_t count = 0;          // fetch: of batches
  std::vector<QueryId> slots = {};  // run; at most kMaxBatch
};
// What party 1 says to it: whether it takes part, and for `run` in which slots: of those that it
// has, the first that fit. Without it, the slots tell which images it has.
struct StepAnswer {
  bool yes = false;
  std::uint64_t slots = 0;  // bit i: slot i
};

// Party 0 → dealer: deal for a lane, or nothing. Dealer → both: what comes next.
enum class DealKind : std::uint32_t { idle = 0, batch = 1 };
struct Deal {
  DealKind kind = DealKind::idle;
  std::uint32_t lane = 0;
  std::uint64_t number = 0;
};

// The senders and receivers. A receiver throws ProtocolViolation for bytes that mean nothing.
void send_answer(mpc::Channel& channel, const Answer& answer);
Answer receive_answer(mpc::Channel& channel);
// A name alone: which model a connection between servers, or to the dealer, is about.
void send_name(mpc::Channel& channel, const std::string& name);
std::string receive_name(mpc::Channel& channel);
void send_selection(mpc::Channel& channel, const Selection& selection);
Selection receive_selection(mpc::Channel& channel);
// A model's description (model_files.h).
void send_card(mpc::Channel& channel, const std::string& card);
std::string receive_card(mpc::Channel& channel);
void send_request(mpc::Channel& channel, const Request& request);
Request receive_request(mpc::Channel& channel);
void send_stamps(mpc::Channel& channel, std::span<const Stamp> stamps);
std::vector<Stamp> receive_stamps(mpc::Channel& channel, std::size_t count);
void send_step(mpc::Channel& channel, const Step& step);
Step receive_step(mpc::Channel& channel);
void send_step_answer(mpc::Channel& channel, const StepAnswer& answer);
StepAnswer receive_step_answer(mpc::Channel& channel);
void send_deal(mpc::Channel& channel, const Deal& deal);
Deal receive_deal(mpc::Channel& channel);
// Ids of what is in use, one per lane.
void send_ids(mpc::Channel& channel, std::span<const Id> ids);
std::vector<Id> receive_ids(mpc::Channel& channel, std::size_t count);

// Shares of images and results.
inline constexpr mpc::Tag kImageShares{0x0418};
inline constexpr mpc::Tag kResultShares{0x0419};

// Printable ASCII on one line, whatever it was; for text that a stranger sent.
std::string printable(std::string text);

}  // namespace hush::apps
