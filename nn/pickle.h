// A restricted unpickler: reads the plain values of a Python pickle and executes nothing.
//
// A pickle is a program for a stack machine (Python's Lib/pickletools.py describes every opcode).
// Python's own reader imports and calls whatever the program names, so that loading a file runs
// its author's code. This one builds a tree of values. It knows names only from a list that its
// caller gives, and what the program "calls" becomes a node of the tree that says so. Opcodes that
// such trees do not need are refused.
//
// Values are held by index in one array and text as views of the pickle, so that a value that
// contains itself, or one that contains another a million times, costs nothing and cannot leak.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hush::nn {

class Pickle {
 public:
  using Index = std::uint32_t;

  enum class Kind : std::uint8_t {
    none,
    boolean,     // integer: 0 or 1
    integer,     // of at most 64 bits
    real,        // its value is dropped
    text,        // text, UTF-8
    tuple,       // items
    list,        // items
    dict,        // items: key, value, key, value …; also for collections.OrderedDict
    name,        // text: "module.name", one of those allowed
    call,        // items: function (a name), arguments (a tuple)
    persistent,  // items: the id, which the caller understands
  };
  struct Value {
    Kind kind = Kind::none;
    std::int64_t integer = 0;
    std::string_view text;
    std::vector<Index> items;
  };

  // Parses `bytes`, protocols 2 to 5. `names` are the classes and functions that may be referred
  // to, besides collections.OrderedDict. Throws FileError, beginning with `where`, for anything
  // that is not a tree of the values above.
  Pickle(std::string bytes, std::span<const std::string_view> names, const std::string& where);
  Pickle(const Pickle&) = delete;
  Pickle& operator=(const Pickle&) = delete;

  const Value& root() const { return values_.at(root_); }
  const Value& operator[](Index index) const { return values_.at(index); }
  // Item `i` of a value that has one.
  const Value& item(const Value& value, std::size_t i) const { return (*this)[value.items.at(i)]; }

 private:
  friend class PickleMachine;

  std::string bytes_;  // what text refers to
  std::vector<Value> values_;
  Index root_ = 0;
};

// More would not be a file of weights; bounds the memory that a file can ask for.
inline constexpr std::uint64_t kMaxPickleBytes = std::uint64_t{16} << 20;
inline constexpr std::size_t kMaxPickleValues = std::size_t{1} << 21;

}  // namespace hush::nn
