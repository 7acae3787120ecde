// A stack on which device threads run, one at a time: Boost.Context's switch, told to
// AddressSanitizer.
#pragma once

#include <boost/context/detail/fcontext.hpp>
#include <boost/context/protected_fixedsize_stack.hpp>
#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#define HUSH_EMULATOR_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HUSH_EMULATOR_ASAN 1
#endif
#endif
#ifdef HUSH_EMULATOR_ASAN
#include <sanitizer/common_interface_defs.h>
#endif
#include <sanitizer/asan_interface.h>  // its macros are empty without AddressSanitizer

namespace hush::cuda::emulator {

// Runs `body(argument)` again and again, each time from `enter` to its end; `leave` suspends it.
class Fiber {
 public:
  using Body = void (*)(void* argument);

  Fiber(Body body, void* argument)
      : body_(body), argument_(argument), stack_(allocator_.allocate()) {
    self_ = boost::context::detail::make_fcontext(stack_.sp, stack_.size, &Fiber::main);
  }
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;
  // A body that was left suspended leaves marks of its frames; who gets these pages next would trip
  // over them.
  ~Fiber() {
    ASAN_UNPOISON_MEMORY_REGION(static_cast<char*>(stack_.sp) - stack_.size, stack_.size);
    allocator_.deallocate(stack_);
  }

  // Starts or resumes the body; returns when it leaves or ends.
  void enter() {
    start_switch(&outer_fake_stack_, static_cast<char*>(stack_.sp) - stack_.size, stack_.size);
    self_ = boost::context::detail::jump_fcontext(self_, this).fctx;
    finish_switch(outer_fake_stack_, nullptr, nullptr);
  }
  // Called by the body: goes back to whoever entered.
  void leave() {
    start_switch(&fake_stack_, outer_bottom_, outer_bytes_);
    outer_ = boost::context::detail::jump_fcontext(outer_, nullptr).fctx;
    finish_switch(fake_stack_, &outer_bottom_, &outer_bytes_);
  }

 private:
  static void main(boost::context::detail::transfer_t from) {
    Fiber& self = *static_cast<Fiber*>(from.data);
    self.outer_ = from.fctx;
    finish_switch(nullptr, &self.outer_bottom_, &self.outer_bytes_);
    for (;;) {
      self.body_(self.argument_);
      self.leave();
    }
  }

  static void start_switch([[maybe_unused]] void** save, [[maybe_unused]] const void* bottom,
                           [[maybe_unused]] std::size_t bytes) {
#ifdef HUSH_EMULATOR_ASAN
    __sanitizer_start_switch_fiber(save, bottom, bytes);
#endif
  }
  static void finish_switch([[maybe_unused]] void* save, [[maybe_unused]] const void** bottom,
                            [[maybe_unused]] std::size_t* bytes) {
#ifdef HUSH_EMULATOR_ASAN
    __sanitizer_finish_switch_fiber(save, bottom, bytes);
#endif
  }

  static constexpr std::size_t kStackBytes = 64u << 10;

  Body body_;
  void* argument_;
  boost::context::protected_fixedsize_stack allocator_{kStackBytes};
  boost::context::stack_context stack_;
  boost::context::detail::fcontext_t self_ = nullptr, outer_ = nullptr;
  void *fake_stack_ = nullptr, *outer_fake_stack_ = nullptr;
  const void* outer_bottom_ = nullptr;
  std::size_t outer_bytes_ = 0;
};

}  // namespace hush::cuda::emulator
