#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <troupe/actors/cell.hpp>
#include <troupe/actors/detail/bounded_inbox.hpp>
#include <troupe/actors/detail/family.hpp>
#include <troupe/actors/detail/mute.hpp>
#include <troupe/scheduler/future.hpp>

namespace troupe {
class side_thread;
}

namespace troupe::detail {

/// A message that its handler has put off.
struct stashed_message {
  envelope* message;
  const message_ops* ops;
};

/// Watches whether an actor is idle for some time (idle_watch.cpp).
struct idle_watch;

/// The handlers of a reentrant class that have begun and not ended (reentrant.cpp).
struct overlapping_handlers;

/// What few actors need: allocated when first used, freed with the cell. Under its mutex but for what says otherwise.
struct cell_extras {
  cell_extras() noexcept;
  ~cell_extras();
  /// Extras of an actor that has ended.
  explicit cell_extras(exit_kind kind);

  std::string name;                      ///< set before the actor starts, then only read
  std::unique_ptr<bounded_inbox> inbox;  ///< set before the actor starts; null: the default one
  std::unique_ptr<mute> muted;           ///< the slice's
  std::mutex mutex;
  bool gone = false;  ///< the actor has ended: nothing is added any more
  exit_reason reason;
  exit_reason ending{};  ///< of an actor that waits before it ends: see `cell::ending_`; the slice's
  std::vector<promise<exit_reason>> watchers;
  std::vector<std::shared_ptr<end_hook>> hooks;
  std::vector<std::shared_ptr<end_observer>> observers;
  std::optional<exit_reason> told;  ///< why it was told to end, if by `end_with`
  bool down = false;                ///< its object has gone, to be made anew: it cannot be told to end
  unsigned inputs = 0;
  std::vector<stream_reader*> streams;          ///< the slice's: not under the mutex
  std::unique_ptr<membership> place;            ///< of a supervised actor; set before it begins, then only read
  std::shared_ptr<family> children;             ///< the slice's: not under the mutex
  stream_reader* reading = nullptr;             ///< whose message is being handled; null: none; the slice's
  stream_reader::progress* progress = nullptr;  ///< how far that has come, while it is read; the slice's
  bool set_aside = false;                       ///< that message was; the slice's
  delivery_account* of_root = nullptr;          ///< of the message of a stream whose handler is `root_`; the slice's
  std::vector<stashed_message> stash;           ///< the slice's
  std::size_t unstashed = 0;                    ///< at the front of the inbox, while it has streams; the slice's
  bool marks_left = false;                      ///< some stream is to be read up to its mark behind those; the slice's
  envelope* stashed_last = nullptr;             ///< only to compare; the slice's
  std::uint64_t receives = 0;                   ///< with a timeout that have ended; the slice's
  std::vector<std::unique_ptr<active_state>> states;  ///< the innermost last; the slice's
  std::unique_ptr<idle_watch> idle;                   ///< the slice's
  std::shared_ptr<side_thread> thread;                ///< of its own, which is its home; set before it begins
  std::unique_ptr<overlapping_handlers> handlers;     ///< made once, by the slice, before any of them waits
  extras_slot of_strand;                              ///< what green threads have too; not under the mutex
};

}  // namespace troupe::detail

namespace troupe {

template <class T, class Test>
std::shared_ptr<T> cell::find_observer(Test test) const {
  detail::cell_extras* x = extras_.load(acquire);
  if (!x) return nullptr;
  std::lock_guard guard(x->mutex);
  for (const auto& o : x->observers) {
    auto found = std::dynamic_pointer_cast<T>(o);
    if (found && test(*found)) return found;
  }
  return nullptr;
}

}  // namespace troupe
