// A correlation store whose file is arbitrary, or a real one with some bytes changed: it opens and
// hands out what was put in and not burnt, or throws a FileError or SessionMismatch. In no case
// does it hand out anything else.
#include <algorithm>
#include <cstdlib>

#include "tests/fuzz/replayed_transport.h"
#include "tests/mpc/store_fixture.h"

using namespace hush;
using namespace hush::mpc;

namespace {

// A peer that says what we say: its store is like ours, whatever ours is.
class EchoChannel final : public Channel {
 public:
  void send(std::span<const std::byte> message, Tag /*tag*/) override {
    said_.assign(message.begin(), message.end());
  }
  void receive(std::span<std::byte> message, Tag /*tag*/) override {
    std::copy_n(said_.begin(), std::min(said_.size(), message.size()), message.begin());
  }
  void exchange(std::span<const std::byte> outgoing, std::span<std::byte> incoming,
                Tag tag) override {
    send(outgoing, tag);
    receive(incoming, tag);
  }
  void flush() override {}
  void set_timeout(std::chrono::milliseconds /*timeout*/) override {}
  Traffic traffic() const override { return {}; }

 private:
  std::vector<std::byte> said_;
};

constexpr Ring kBatches = 3;

// The file of party 0 after three appends, marked 1 to 3, and one burn.
const std::vector<std::byte>& real_store() {
  static const std::vector<std::byte> content = [] {
    test::Disk disk;
    CorrelationStore store(std::make_unique<test::MemoryFile>(disk), test::identity_of(0));
    EchoChannel peer;
    store.reconcile(peer);
    for (Ring mark = 1; mark <= kBatches; ++mark) test::append_marked(store, 0, mark);
    if (test::burn_marked(store) != 1) std::abort();
    return disk.content;
  }();
  return content;
}

// Seals the states again, so that changes of their contents get past their digests.
void mend_states(std::vector<std::byte>& content) {
  constexpr std::size_t kSealed = 8 + 4 * 8 + 16;
  for (const std::uint64_t offset : kStateOffsets) {
    if (content.size() < offset + kSealed + sizeof(Digest)) return;
    const Digest digest = sha256(std::span(content).subspan(offset, kSealed));
    std::copy(digest.begin(), digest.end(), content.begin() + std::ptrdiff_t(offset + kSealed));
  }
}

std::vector<std::byte> file_of(Input& input, std::size_t size) {
  const unsigned mode = unsigned(input.number(1)) % 4;
  if (mode == 0) {
    const auto rest = input.bytes(size);
    return {rest.begin(), rest.end()};
  }
  std::vector<std::byte> content = real_store();
  if (mode == 1) content.resize(input.number(2) % (2 * content.size()));
  // Where something is: the first bytes of the three blocks, and the batches.
  while (!input.empty() && !content.empty()) {
    const std::size_t place = input.number(2);
    const std::size_t offset =
        place < 1024 ? place / 256 * 4096 + place % 256 : kDataOffset + place;
    content[offset % content.size()] = std::byte(input.number(1));
  }
  if (mode == 2) mend_states(content);
  return content;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  test::Disk disk;
  disk.content = file_of(input, size);
  try {
    CorrelationStore store(std::make_unique<test::MemoryFile>(disk), test::identity_of(0));
    EchoChannel peer;
    store.reconcile(peer);
    Ring last = 1;  // the one that is burnt, and whose contents are gone
    for (;;) {
      const Ring mark = test::burn_marked(store);
      if (mark <= last || mark > kBatches) std::abort();
      last = mark;
    }
  } catch (const CorrelationsExhausted&) {
  } catch (const FileError&) {
  } catch (const SessionMismatch&) {
  } catch (const ProtocolViolation&) {  // a state of more batches than there can be
  } catch (const ArgumentError&) {      // a batch that says it is of another demand
  }
  return 0;
}
