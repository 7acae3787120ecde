// Messages between services whose bytes are arbitrary, honestly framed or not: each receiver
// returns something that keeps to the limits of messages.h, and that arrives as it is when it is
// sent on; or it throws a ProtocolViolation or another ChannelError. The model's card, which is
// JSON inside of a message, is parsed too: it has values that a client can work with, or is a
// FileError.
#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "apps/serve/messages.h"
#include "apps/serve/model_card.h"
#include "mpc/channel/frame.h"
#include "mpc/channel/framed_channel.h"
#include "mpc/channel/little_endian.h"
#include "mpc/channel/memory_transport.h"
#include "tests/fuzz/replayed_transport.h"

using namespace hush;
using namespace hush::apps;
using mpc::FramedChannel;
using mpc::Input;

namespace {

void check(bool fine) {
  if (!fine) std::abort();
}

bool is_printable(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

void append_frame(std::vector<std::byte>& wire, std::uint16_t tag, std::uint64_t sequence,
                  std::span<const std::byte> payload) {
  const std::size_t offset = wire.size();
  wire.resize(offset + mpc::kFrameHeaderSize);
  const mpc::FrameHeader header{std::uint32_t(payload.size()), mpc::Tag(tag), true, sequence, 1};
  mpc::encode_frame_header(
      header, std::span<std::byte, mpc::kFrameHeaderSize>(&wire[offset], mpc::kFrameHeaderSize));
  wire.insert(wire.end(), payload.begin(), payload.end());
}

// What a peer sent: the rest of the input as it is, or as a message of the size and tag that are
// due, filled up with zeros.
std::unique_ptr<FramedChannel> channel_of(Input& input, bool raw, std::uint16_t tag,
                                          std::size_t size) {
  const auto rest = input.bytes(1 << 20);
  std::vector<std::byte> wire(rest.begin(), rest.end());
  if (!raw) {
    std::vector<std::byte> payload = std::move(wire);
    wire.clear();
    payload.resize(size);
    append_frame(wire, tag, 0, payload);
  }
  return std::make_unique<FramedChannel>(std::make_unique<mpc::ReplayedTransport>(std::move(wire)));
}

// What arrives when `value` is sent on.
template <class T, class Send, class Receive>
T passed_on(const T& value, Send send, Receive receive) {
  auto [near, far] = mpc::make_memory_transports();
  FramedChannel first(std::move(near)), second(std::move(far));
  send(first, value);
  first.flush();
  return receive(second);
}

void check_card(const std::string& text) {
  try {
    const ModelCard card = ModelCard::parse(text);
    check(card.info.image.rank() == 4 && card.info.image.elements() > 0);
    check(card.info.classes > 0 && card.most_images >= 1);
    check(card.info.mean.size() == std::size_t(card.info.image[3]));
    check(std::isfinite(card.result_factor));
    check(ModelCard::parse(card.text()).text() == card.text());
  } catch (const FileError&) {
  }
}

void receive(Input& input, unsigned kind, bool raw) {
  switch (kind) {
    case 0: {
      const Answer answer = receive_answer(*channel_of(input, raw, 0x0401, kAnswerBytes));
      check(answer.verdict <= Verdict::stopping && is_printable(answer.reason));
      const Answer again = passed_on(answer, send_answer, receive_answer);
      check(again.verdict == answer.verdict && again.reason == answer.reason);
      break;
    }
    case 1: {
      const std::string name = receive_name(*channel_of(input, raw, 0x0402, kNameBytes));
      check(name.size() <= kNameBytes && is_printable(name));
      break;
    }
    case 2: {
      const Selection selection =
          receive_selection(*channel_of(input, raw, 0x0411, 16 + kNameBytes));
      check(selection.model.size() <= kNameBytes && is_printable(selection.model));
      break;
    }
    case 3:
      (void)receive_request(*channel_of(input, raw, 0x0414, 12));
      break;
    case 4:
      check(receive_stamps(*channel_of(input, raw, 0x0415, 3 * 28), 3).size() == 3);
      break;
    case 5: {
      const Step step = receive_step(*channel_of(input, raw, 0x0404, 1832));
      check(step.kind <= StepKind::run && step.slots.size() <= kMaxBatch);
      const Step again = passed_on(step, send_step, receive_step);
      check(again.slots == step.slots && again.count == step.count && again.deal == step.deal &&
            again.number == step.number && again.lane == step.lane && again.kind == step.kind);
      break;
    }
    case 6:
      (void)receive_step_answer(*channel_of(input, raw, 0x0405, 12));
      break;
    case 7:
      check(receive_deal(*channel_of(input, raw, 0x0406, 16)).kind <= DealKind::batch);
      break;
    case 8:
      check(receive_ids(*channel_of(input, raw, 0x0403, 4 * 16), 4).size() == 4);
      break;
    default: {  // the size, then so many bytes of card
      const auto rest = input.bytes(1 << 20);
      std::vector<std::byte> wire, size(8);
      mpc::store_little_endian(size.data(), std::uint64_t(rest.size()));
      append_frame(wire, 0x0412, 0, size);
      append_frame(wire, 0x0413, 1, rest);
      FramedChannel channel(std::make_unique<mpc::ReplayedTransport>(std::move(wire)));
      const std::string card = receive_card(channel);
      check(card.size() == rest.size() && card.size() <= kMaxCard);
      check_card(card);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  const auto mode = unsigned(input.number(1));
  try {
    receive(input, mode % 16, mode / 16 % 4 == 0);
  } catch (const mpc::ChannelError&) {
  }
  return 0;
}
