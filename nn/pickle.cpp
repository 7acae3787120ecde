#include "nn/pickle.h"

#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "core/error.h"
#include "nn/readable_file.h"

namespace hush::nn {

// The stack machine, alive while a pickle is parsed.
class PickleMachine {
 public:
  using Index = Pickle::Index;
  using Kind = Pickle::Kind;

  PickleMachine(Pickle& pickle, std::span<const std::string_view> names, const std::string& where)
      : pickle_(pickle), names_(names), where_(where), rest_(pickle.bytes_) {}

  Index run() {
    while (!step(take<std::uint8_t>())) {
    }
    return pop();
  }

 private:
  [[noreturn]] void fail(std::string_view what) const {
    throw FileError(
        fmt::format("{}: {}; nothing of it was executed. Save the weights alone: "
                    "torch.save(model.state_dict(), FILE)",
                    where_, what));
  }

  std::string_view take_bytes(std::uint64_t count) {
    if (count > rest_.size()) fail("its pickle ends early");
    const std::string_view result = rest_.substr(0, std::size_t(count));
    rest_.remove_prefix(std::size_t(count));
    return result;
  }
  template <class T>
  T take() {
    T value{};
    std::memcpy(&value, take_bytes(sizeof(T)).data(), sizeof(T));
    return value;
  }
  std::string_view take_line() {
    const std::size_t end = rest_.find('\n');
    if (end == std::string_view::npos) fail("its pickle ends early");
    const std::string_view line = take_bytes(end + 1);
    return line.substr(0, end);
  }

  void push(Pickle::Value value) {
    if (pickle_.values_.size() == kMaxPickleValues) fail("its pickle has too many values");
    pickle_.values_.push_back(std::move(value));
    stack_.push_back(Index(pickle_.values_.size() - 1));
  }
  void push_integer(std::int64_t integer) {
    push({.kind = Kind::integer, .integer = integer, .text = {}, .items = {}});
  }
  void push_container(Kind kind, std::vector<Index> items) {
    push({.kind = kind, .integer = 0, .text = {}, .items = std::move(items)});
  }
  void push_text(std::string_view text) {
    push({.kind = Kind::text, .integer = 0, .text = text, .items = {}});
  }

  // Where the values since the last mark begin; without one, the whole stack.
  std::size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
  Index top() const {
    if (stack_.size() <= floor()) fail("its pickle takes a value that is not there");
    return stack_.back();
  }
  Index pop() {
    const Index index = top();
    stack_.pop_back();
    return index;
  }
  Pickle::Value& at(Index index) { return pickle_.values_[index]; }
  std::vector<Index> pop_to_mark() {
    if (marks_.empty()) fail("its pickle takes a mark that is not there");
    const auto begin = stack_.begin() + std::ptrdiff_t(marks_.back());
    std::vector<Index> items(begin, stack_.end());
    stack_.erase(begin, stack_.end());
    marks_.pop_back();
    return items;
  }
  void push_tuple(std::size_t count) {
    std::vector<Index> items(count);
    for (std::size_t i = count; i-- > 0;) items[i] = pop();
    push_container(Kind::tuple, std::move(items));
  }

  void extend(Kind kind, const std::vector<Index>& items) {
    Pickle::Value& container = at(top());
    if (container.kind != kind || (kind == Kind::dict && items.size() % 2 != 0))
      fail("its pickle adds items to a value that holds none");
    container.items.insert(container.items.end(), items.begin(), items.end());
  }
  void set_item() {
    const Index value = pop(), key = pop();
    extend(Kind::dict, {key, value});
  }

  void remember(std::uint32_t place) {
    if (memo_.size() >= kMaxPickleValues) fail("its pickle remembers too many values");
    memo_[place] = top();
  }
  void recall(std::uint32_t place) {
    const auto found = memo_.find(place);
    if (found == memo_.end()) fail("its pickle refers to a value that is not there");
    if (stack_.size() >= 8 * kMaxPickleValues) fail("its pickle has too many values");
    stack_.push_back(found->second);
  }

  void push_name(std::string_view module, std::string_view name) {
    const std::string full = fmt::format("{}.{}", module, name);
    const auto known = std::ranges::find(names_, full);
    if (known != names_.end()) {
      push({.kind = Kind::name, .integer = 0, .text = *known, .items = {}});
    } else if (full == kOrderedDict) {
      push({.kind = Kind::name, .integer = 0, .text = kOrderedDict, .items = {}});
    } else {
      fail(fmt::format("refers to {}, which files of plain tensors have no use for",
                       printable(full)));
    }
  }
  void push_name_from_stack() {
    const Index name = pop(), module = pop();
    if (at(name).kind != Kind::text || at(module).kind != Kind::text)
      fail("its pickle names something by a value that is no text");
    push_name(at(module).text, at(name).text);
  }

  // A call of OrderedDict without arguments is a dict; others are recorded.
  void call() {
    const Index arguments = pop(), function = pop();
    if (at(function).kind != Kind::name || at(arguments).kind != Kind::tuple)
      fail("its pickle calls something that is no function");
    if (at(function).text != kOrderedDict) {
      push_container(Kind::call, {function, arguments});
    } else if (at(arguments).items.empty()) {
      push_container(Kind::dict, {});
    } else {
      fail("its pickle makes an OrderedDict of arguments, which PyTorch does not");
    }
  }
  // Attributes of a dict (a state dict has its modules' versions there) are of no interest.
  void drop_attributes() {
    pop();
    if (at(top()).kind != Kind::dict) fail("its pickle sets attributes of a value that is no dict");
  }

  void push_long() {
    const std::string_view bytes = take_bytes(take<std::uint8_t>());
    if (bytes.size() > 8) fail("its pickle has an integer of more than 64 bits");
    std::uint64_t value = 0;
    if (!bytes.empty() && (std::uint8_t(bytes.back()) & 0x80) != 0) value = ~std::uint64_t{0};
    std::memcpy(&value, bytes.data(), bytes.size());
    push_integer(std::int64_t(value));
  }

  // One opcode; true at the end.
  bool step(std::uint8_t opcode);
  bool step_constant(std::uint8_t opcode);

  static constexpr std::string_view kOrderedDict = "collections.OrderedDict";

  Pickle& pickle_;
  std::span<const std::string_view> names_;
  const std::string& where_;
  std::string_view rest_;
  std::vector<Index> stack_;
  std::vector<std::size_t> marks_;
  std::unordered_map<std::uint32_t, Index> memo_;
};

// Opcodes that push a value that stands in the pickle. False for all others.
bool PickleMachine::step_constant(std::uint8_t opcode) {
  switch (opcode) {
    case 'N':
      push({});
      break;
    case 0x88:  // NEWTRUE
    case 0x89:  // NEWFALSE
      push({.kind = Kind::boolean, .integer = opcode == 0x88, .text = {}, .items = {}});
      break;
    case 'J':
      push_integer(take<std::int32_t>());
      break;
    case 'K':
      push_integer(take<std::uint8_t>());
      break;
    case 'M':
      push_integer(take<std::uint16_t>());
      break;
    case 0x8a:  // LONG1
      push_long();
      break;
    case 'G':
      take_bytes(8);
      push({.kind = Kind::real, .integer = 0, .text = {}, .items = {}});
      break;
    case 'X':  // BINUNICODE
      push_text(take_bytes(take<std::uint32_t>()));
      break;
    case 0x8c:  // SHORT_BINUNICODE
      push_text(take_bytes(take<std::uint8_t>()));
      break;
    case 0x8d:  // BINUNICODE8
      push_text(take_bytes(take<std::uint64_t>()));
      break;
    case '}':
      push_container(Kind::dict, {});
      break;
    case ']':
      push_container(Kind::list, {});
      break;
    case ')':
      push_container(Kind::tuple, {});
      break;
    default:
      return false;
  }
  return true;
}

bool PickleMachine::step(std::uint8_t opcode) {
  if (step_constant(opcode)) return false;
  switch (opcode) {
    case 0x80:  // PROTO
      if (const auto version = take<std::uint8_t>(); version < 2 || version > 5)
        fail(fmt::format("its pickle has protocol {}, 2 to 5 are read", version));
      break;
    case 0x95:  // FRAME: the length of what follows, a hint for buffering
      take<std::uint64_t>();
      break;
    case '(':
      marks_.push_back(stack_.size());
      break;
    case 't':
      push_container(Kind::tuple, pop_to_mark());
      break;
    case 0x85:  // TUPLE1, TUPLE2, TUPLE3
    case 0x86:
    case 0x87:
      push_tuple(opcode - 0x84u);
      break;
    case 'a':
      extend(Kind::list, {pop()});
      break;
    case 'e':
      extend(Kind::list, pop_to_mark());
      break;
    case 's':
      set_item();
      break;
    case 'u':
      extend(Kind::dict, pop_to_mark());
      break;
    case 'q':
      remember(take<std::uint8_t>());
      break;
    case 'r':
      remember(take<std::uint32_t>());
      break;
    case 0x94:  // MEMOIZE
      remember(std::uint32_t(memo_.size()));
      break;
    case 'h':
      recall(take<std::uint8_t>());
      break;
    case 'j':
      recall(take<std::uint32_t>());
      break;
    case 'c': {
      const std::string_view module = take_line();
      push_name(module, take_line());
      break;
    }
    case 0x93:  // STACK_GLOBAL
      push_name_from_stack();
      break;
    case 'R':
      call();
      break;
    case 'b':
      drop_attributes();
      break;
    case 'Q':
      push_container(Kind::persistent, {pop()});
      break;
    case '.':
      return true;
    default:
      fail(fmt::format("its pickle has opcode 0x{:02x}, which plain tensors do not need", opcode));
  }
  return false;
}

Pickle::Pickle(std::string bytes, std::span<const std::string_view> names, const std::string& where)
    : bytes_(std::move(bytes)) {
  if (bytes_.size() > kMaxPickleBytes)
    throw FileError(where + ": its pickle is larger than 16 MiB, too large for a list of weights");
  root_ = PickleMachine(*this, names, where).run();
}

}  // namespace hush::nn
