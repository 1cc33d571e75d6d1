#pragma once

#include <cstdint>
#include <functional>
#include <utility>

#include <troupe/base/atomic.hpp>

// What task-local values stand in.
//
// TL1. A party's values are a chain of immutable bindings, the newest first, which children share from where it stood
//     when they were spawned. Each link and each owner of a chain counts as one reference; a chain is owned by one
//     party.
// TL2. A binding is taken away where it was made, in the same party. Where a coroutine's frame is destroyed because its
//     strand was killed, the strand may be gone, and its chain with it: then there is nothing to take away.

namespace troupe {
class strand;
}

namespace troupe::detail {

/// One value of one task-local variable.
struct local_binding {
  local_binding(const void* k, void (*d)(local_binding*) noexcept) noexcept : key(k), destroy(d) {}

  void retain() noexcept { refs.fetch_add(1, relaxed); }
  static void release(local_binding* b) noexcept;

  const void* key;
  void (*destroy)(local_binding*) noexcept;
  local_binding* outer = nullptr;  // counted
  // References: TL1. The decrements' acq_rel pair with each other: whoever takes the last sees all uses.
  atomic<std::uint32_t> refs{1};
};

/// The bindings that a party sees; one reference.
class local_chain {
public:
  local_chain() = default;
  explicit local_chain(local_binding* newest) noexcept : newest_(newest) {
    if (newest_) newest_->retain();
  }
  local_chain(local_chain&& other) noexcept : newest_(std::exchange(other.newest_, nullptr)) {}
  local_chain& operator=(local_chain&& other) noexcept {
    std::swap(newest_, other.newest_);
    return *this;
  }
  ~local_chain() { local_binding::release(newest_); }

  local_binding* newest() const noexcept { return newest_; }

  /// Puts a binding on top, which this takes over.
  void push(local_binding& b) noexcept { b.outer = std::exchange(newest_, &b); }

  /// Goes back to how it was before `b`.
  void go_back_before(const local_binding& b) noexcept { *this = local_chain(b.outer); }

  local_binding* find(const void* key) const noexcept {
    for (local_binding* b = newest_; b; b = b->outer)
      if (b->key == key) return b;
    return nullptr;
  }

private:
  local_binding* newest_ = nullptr;
};

// Whether the thread has had values of its own. Initial-exec, hence without a call.
extern constinit thread_local bool thread_has_locals __attribute__((tls_model("initial-exec")));

/// The chain of the calling party: the strand whose coroutine it is, else the thread. Throws `std::bad_alloc`.
local_chain& current_locals();

/// Its newest binding, null if there is none.
local_binding* newest_local() noexcept;

/// Lets a strand that has not begun see what was seen where `newest` is the newest. Throws `std::bad_alloc`.
void set_locals(strand& child, local_binding& newest);

/// The strand has ended: its values go although its handle may stay.
void drop_locals(strand& ended) noexcept;

/// While it is there, what runs on the calling thread outside of coroutines sees the values that were seen where
/// `newest` is the newest: none if that is null.
class borrowed_locals {
public:
  explicit borrowed_locals(local_binding* newest) noexcept;
  ~borrowed_locals();
  borrowed_locals(const borrowed_locals&) = delete;
  borrowed_locals& operator=(const borrowed_locals&) = delete;

private:
  local_chain own_;
  bool had_own_;
};

/// A callable that sees the values of whoever has made this.
template <class F>
class with_locals {
public:
  explicit with_locals(F f) : f_(std::move(f)), locals_(newest_local()) {}

  template <class... Args>
  decltype(auto) operator()(Args&&... args) {
    if (!locals_.newest() && !thread_has_locals) [[likely]]
      return std::invoke(f_, std::forward<Args>(args)...);
    const borrowed_locals here(locals_.newest());
    return std::invoke(f_, std::forward<Args>(args)...);
  }

  const F& callable() const noexcept { return f_; }

private:
  F f_;
  local_chain locals_;
};

}  // namespace troupe::detail
