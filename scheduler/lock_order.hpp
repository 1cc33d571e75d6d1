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
// LO2. A lock that goes is forgotten, so that another one at its address starts anew. So is a party that ends: what it
//     still holds is a line in the log, and is `ended_party`'s from then on; who comes at its address does not hold it.
//     Where nothing is checked, nobody knows what a party holds, and who comes at its address is taken for it.

namespace troupe {

/// Turns the checking of the order of locks on or off, for the whole process; on from the beginning in debug builds.
/// Turning it off forgets all that is held and ordered. While it is on, taking a lock and the end of a green thread
/// cost a global mutex; while it is off one relaxed load. While it is on, a green thread, actor or thread that ends
/// with a lock held is a line in the log too, and the error of a lock that was not had in time names the holder. Any
/// thread.
void check_lock_order(bool on);

/// The violations so far (the first 1,000), each told once: a sentence that names both locks. Each is also a line in
/// the log. Any thread.
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

/// Holds the locks of parties that have ended without giving them up (LO2). Its low bits are zero.
alignas(16) extern const char ended_party;

/// Makes a lock that `party` holds alone `ended_party`'s.
using disown = void (*)(lock_base& lock, const void* party) noexcept;

/// `party`, the calling one, has it now; has given it up.
void note_taken(lock_base& lock, const void* party, disown f);
void note_released(const lock_base& lock, const void* party) noexcept;

/// `party` has ended; whatever else it had has gone.
void note_end_of_party(const void* party) noexcept;

/// For errors: ", which green thread "writer" holds"; empty if that is not known.
std::string holder_of(const lock_base& lock);

inline void about_to_lock(const lock_base& lock, const void* party) {
  if (lock_order_checked.load(relaxed)) [[unlikely]]
    check_order(lock, party);
}
template <class Lock>
void locked(Lock& lock, const void* party) {
  if (lock_order_checked.load(relaxed)) [[unlikely]]
    note_taken(lock, party, [](lock_base& l, const void* p) noexcept { static_cast<Lock&>(l).disown(p); });
}
inline void unlocking(const lock_base& lock, const void* party) noexcept {
  if (lock_order_checked.load(relaxed)) [[unlikely]]
    note_released(lock, party);
}
inline void party_ended(const void* party) noexcept {
  if (lock_order_checked.load(relaxed)) [[unlikely]]
    note_end_of_party(party);
}

}  // namespace detail
}  // namespace troupe
