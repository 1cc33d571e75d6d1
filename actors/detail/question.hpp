#pragma once

#include <troupe/actors/core.hpp>
#include <troupe/base/atomic.hpp>
#include <troupe/base/error.hpp>
#include <troupe/scheduler/future.hpp>
#include <troupe/scheduler/trampoline.hpp>

namespace troupe::detail {

/// The question that a handler is at work on which is a coroutine. If whoever has asked gives up, the handler's strand
/// is told to stop, for as long as the handler lasts.
///
/// Q1. It watches the asker (F7) from the handler's first wait on: a handler that does not wait pays nothing for it.
/// Q2. Whoever is telling the strand to stop is done with that before the handler's frame goes, and before the strand
///     forgets it: the next handler of the actor waits in peace.
class question : public pause_hook, public reader_watch {
public:
  question(const question&) = delete;
  question& operator=(const question&) = delete;

  void reader_gone() noexcept final;

protected:
  /// In the handler's slice, before it begins.
  explicit question(core& k) noexcept;
  ~question() = default;

  /// The handler has come to its end; `untold`: whether it is certain that nobody is telling it to stop.
  void leave(bool untold) noexcept;

  bool was_told() const noexcept { return told_.load(acquire); }

private:
  core* core_;
  strand* strand_;            // which the handler runs on
  atomic<bool> told_{false};  // true: the one that tells does not touch this any more; its release pairs with `leave`
};

template <class R>
class question_of final : public question {
public:
  question_of(core& k, promise<R>& reply) noexcept : question(k), reply_(&reply) {}
  ~question_of() { over(); }

  /// Q1.
  void paused() noexcept override {
    if (!*reply_) return;
    watches_ = reply_->watch_reader(*this);
    if (!watches_) reader_gone();
    begun_ = true;
  }

  /// Before the reply is given, or the frame goes.
  void over() noexcept {
    const bool begun = begun_;
    begun_ = false;
    leave(!begun || (watches_ && reply_->unwatch_reader(*this)));
  }

  /// The handler has thrown this: true if it did because its waits were called off. Nobody misses the reply then, and
  /// the actor goes on.
  bool ends_with(const troupe_error& e) noexcept {
    over();  // whoever tells it to stop may still be at it
    return was_told() && e.code() == errc::cancelled;
  }

private:
  promise<R>* reply_;
  bool begun_ = false;    // the handler has waited
  bool watches_ = false;  // the asker had not gone then
};

}  // namespace troupe::detail
