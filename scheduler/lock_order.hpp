#pragma once

#include <string>
#include <utility>
#include <vector>

#include <troupe/base/atomic.hpp>

// Checking the order in which locks are taken, after Linux's lockdep: whoever takes lock B while it holds lock A says
// that A comes before B. Whoever then takes A while holding B breaks that order: the two may one day wait for each
// other, even if they do not today. Orders of more than two are found too (A before B, B before C, then C before A).
//
// LO1. The remembered order has no cycle: a step that would close one is reported and not remembered.
// LO2. A lock that goes is forgotten, so that another one at its address starts anew.
namespace troupe {

/// Turns the checking of the order of locks on or off, for the whole process; on from the beginning in debug builds.
/// Turning it off forgets all that is held and ordered. While it is on, taking a lock costs a global mutex; while it is
/// off one relaxed load. Any thread.
void check_lock_order(bool on);

/// The violations so far (the first 1,000), each told once: a sentence that names both locks. Each is also a line in the
/// log. Any thread.
std::vector<std::string> lock_order_violations();

namespace detail {

// True while checking is on.
extern atomic<bool> lock_order_checked;

/// What all kinds of locks have: a kind and perhaps a name.
class lock_base {
public:
  lock_base(const lock_base&) = delete;
  lock_base& operator=(const lock_base&) = delete;

  /// For people: `mutex "accounts"`, or its address in place of a name.
  std::string describe() const;

protected:
  lock_base(const char* kind, std::string name) noexcept : kind_(kind), name_(std::move(name)) {}
  ~lock_base() {
    if (lock_order_checked.load(relaxed)) forget();
  }

private:
  void forget() noexcept;

  const char* kind_;
  std::string name_;
};

/// Reports if `party` breaks the order by waiting for `lock`; before it does so.
void check_order(const lock_base& lock, const void* party);

/// `party` has it now; has given it up.
void note_taken(const lock_base& lock, const void* party);
void note_released(const lock_base& lock, const void* party) noexcept;

inline void about_to_lock(const lock_base& lock, const void* party) {
  if (lock_order_checked.load(relaxed)) [[unlikely]]
    check_order(lock, party);
}
inline void locked(const lock_base& lock, const void* party) {
  if (lock_order_checked.load(relaxed)) [[unlikely]]
    note_taken(lock, party);
}
inline void unlocking(const lock_base& lock, const void* party) noexcept {
  if (lock_order_checked.load(relaxed)) [[unlikely]]
    note_released(lock, party);
}

}  // namespace detail
}  // namespace troupe
