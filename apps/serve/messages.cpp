#include "apps/serve/messages.h"

#include <fmt/format.h>

#include <algorithm>

#include "apps/serve/message_bytes.h"
#include "mpc/channel/sha256.h"
#include "mpc/ot/generator.h"

namespace hush::apps {
namespace {

using mpc::Channel;
using mpc::ProtocolViolation;
using mpc::Tag;

constexpr Tag kAnswer{0x0401};
constexpr Tag kName{0x0402};
constexpr Tag kIds{0x0403};
constexpr Tag kStep{0x0404};
constexpr Tag kStepAnswer{0x0405};
constexpr Tag kDeal{0x0406};
constexpr Tag kSelection{0x0411};
constexpr Tag kCardSize{0x0412};
constexpr Tag kCard{0x0413};
constexpr Tag kRequest{0x0414};
constexpr Tag kStamps{0x0415};

constexpr std::size_t kQueryIdBytes = 28;
constexpr std::size_t kStampBytes = 28;
constexpr std::size_t kStepBytes = 4 + 4 + 16 + 8 + 4 + 4 + kMaxBatch * kQueryIdBytes;

}  // namespace

Id random_id() {
  const mpc::Block random = mpc::system_entropy();
  Id id;
  std::ranges::copy(std::as_bytes(std::span(&random, 1)), id.begin());
  return id;
}

std::string short_text(const Id& id) {
  return mpc::hex(std::span(id).first(id.size() / 2));
}

std::string printable(std::string text) {
  for (char& c : text)
    if (c < ' ' || c > '~') c = '?';
  return text;
}

void send_answer(Channel& channel, const Answer& answer) {
  MessageWriter(kAnswerBytes)
      .number(std::uint32_t(answer.verdict))
      .text(answer.reason, kAnswerBytes - 4)
      .send_now(channel, kAnswer);
}

Answer receive_answer(Channel& channel) {
  MessageReader in(channel, kAnswerBytes, kAnswer);
  Answer answer;
  answer.verdict = in.one_of(Verdict::stopping, "verdict");
  answer.reason = in.text(kAnswerBytes - 4);
  return answer;
}

void send_name(Channel& channel, const std::string& name) {
  MessageWriter(kNameBytes).text(name, kNameBytes).send_now(channel, kName);
}

std::string receive_name(Channel& channel) {
  return MessageReader(channel, kNameBytes, kName).text(kNameBytes);
}

void send_selection(Channel& channel, const Selection& selection) {
  MessageWriter(16 + kNameBytes)
      .id(selection.session)
      .text(selection.model, kNameBytes)
      .send_now(channel, kSelection);
}

Selection receive_selection(Channel& channel) {
  MessageReader in(channel, 16 + kNameBytes, kSelection);
  Selection selection;
  selection.session = in.id();
  selection.model = in.text(kNameBytes);
  return selection;
}

void send_card(Channel& channel, const std::string& card) {
  require(card.size() <= kMaxCard, "a model's description has {} bytes, at most {} are possible",
          card.size(), kMaxCard);
  MessageWriter(8).number(std::uint64_t(card.size())).send(channel, kCardSize);
  channel.send(std::as_bytes(std::span(card)), kCard);
  channel.flush();
}

std::string receive_card(Channel& channel) {
  const auto size = MessageReader(channel, 8, kCardSize).number<std::uint64_t>();
  if (size > kMaxCard)
    throw ProtocolViolation(fmt::format("a model's description of {} bytes", size));
  std::string card(size, '\0');
  channel.receive(std::as_writable_bytes(std::span(card)), kCard);
  return card;
}

void send_request(Channel& channel, const Request& request) {
  MessageWriter(12).number(request.number).number(request.images).send_now(channel, kRequest);
}

Request receive_request(Channel& channel) {
  MessageReader in(channel, 12, kRequest);
  Request request;
  request.number = in.number<std::uint64_t>();
  request.images = in.number<std::uint32_t>();
  return request;
}

void send_stamps(Channel& channel, std::span<const Stamp> stamps) {
  MessageWriter out(stamps.size() * kStampBytes);
  for (const Stamp& stamp : stamps) out.id(stamp.link).number(stamp.evaluation).number(stamp.slot);
  out.send(channel, kStamps);
}

std::vector<Stamp> receive_stamps(Channel& channel, std::size_t count) {
  MessageReader in(channel, count * kStampBytes, kStamps);
  std::vector<Stamp> stamps(count);
  for (Stamp& stamp : stamps) {
    stamp.link = in.id();
    stamp.evaluation = in.number<std::uint64_t>();
    stamp.slot = in.number<std::uint32_t>();
  }
  return stamps;
}

void send_step(Channel& channel, const Step& step) {
  require(step.slots.size() <= kMaxBatch, "an evaluation of {} images", step.slots.size());
  MessageWriter out(kStepBytes);
  out.number(std::uint32_t(step.kind)).number(step.lane).id(step.deal).number(step.number);
  out.number(step.count).number(std::uint32_t(step.slots.size()));
  for (const QueryId& query : step.slots) out.query(query);
  out.send_now(channel, kStep);
}

Step receive_step(Channel& channel) {
  MessageReader in(channel, kStepBytes, kStep);
  Step step;
  step.kind = in.one_of(StepKind::run, "step");
  step.lane = in.number<std::uint32_t>();
  step.deal = in.id();
  step.number = in.number<std::uint64_t>();
  step.count = in.number<std::uint32_t>();
  const auto slots = in.number<std::uint32_t>();
  if (slots > kMaxBatch) throw ProtocolViolation(fmt::format("a step of {} images", slots));
  for (std::uint32_t i = 0; i < slots; ++i) step.slots.push_back(in.query());
  return step;
}

void send_step_answer(Channel& channel, const StepAnswer& answer) {
  MessageWriter(12)
      .number(std::uint32_t(answer.yes))
      .number(answer.slots)
      .send_now(channel, kStepAnswer);
}

StepAnswer receive_step_answer(Channel& channel) {
  MessageReader in(channel, 12, kStepAnswer);
  StepAnswer answer;
  answer.yes = in.number<std::uint32_t>() == 1;
  answer.slots = in.number<std::uint64_t>();
  return answer;
}

void send_deal(Channel& channel, const Deal& deal) {
  MessageWriter(16)
      .number(std::uint32_t(deal.kind))
      .number(deal.lane)
      .number(deal.number)
      .send_now(channel, kDeal);
}

Deal receive_deal(Channel& channel) {
  MessageReader in(channel, 16, kDeal);
  Deal deal;
  deal.kind = in.one_of(DealKind::batch, "deal");
  deal.lane = in.number<std::uint32_t>();
  deal.number = in.number<std::uint64_t>();
  return deal;
}

void send_ids(Channel& channel, std::span<const Id> ids) {
  MessageWriter out(ids.size() * sizeof(Id));
  for (const Id& id : ids) out.id(id);
  out.send_now(channel, kIds);
}

std::vector<Id> receive_ids(Channel& channel, std::size_t count) {
  MessageReader in(channel, count * sizeof(Id), kIds);
  std::vector<Id> ids(count);
  for (Id& id : ids) id = in.id();
  return ids;
}

}  // namespace hush::apps
