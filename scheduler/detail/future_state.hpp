#pragma once

#include <chrono>
#include <coroutine>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <troupe/base/pool.hpp>
#include <troupe/base/result.hpp>
#include <troupe/base/type_name.hpp>
#include <troupe/scheduler/wait.hpp>

namespace troupe::detail {

/// Is told that a result is there, or that somebody has given it up.
class alignas(16) completion {
public:
  /// Called once, by whoever brought that about; it touches nothing of this afterwards. Any thread.
  virtual void completed() noexcept = 0;

  /// F6: the one that has to bring the result may come to wait. Called by that one, which is not done before it
  /// returns.
  virtual void enter_in_graph() noexcept {}

protected:
  ~completion() = default;
};

/// Is told that nobody wants a result any more, on which its giver is at work.
class reader_watch {
public:
  /// F7. Called once, by the reader's end, without locks; it touches nothing of this afterwards.
  virtual void reader_gone() noexcept = 0;

protected:
  ~reader_watch() = default;
};

/// What the two ends of a result share: one gives it, the other reads it.
///
/// F1. `word_` decides what becomes of the result. Its giver writes the value and then sets `done`; whoever gives it up
///     sets `given_up`, which is possible only before that. A value that comes then is nobody's.
/// F2. A pointer in `word_` is the completion of who waits. Whoever sets `done` or takes the pointer out tells it,
///     once; but not one who has taken out his own.
/// F3. `done` is the last thing that the giver's end does with the state, `detached` the last that the reader's does:
///     whoever finds that the other has gone destroys it.
/// F4. Who was asked, for those states that know it, lives for as long as the promise. So a reader that gives up sets
///     `naming` while it writes its error, and the giver waits with `done` until that is over.
/// F5. The owner is whoever alone can bring the result, if that is known; set before the future is handed on, and later
///     only by the owner, while it runs. An untimed wait for such a future is in the graph of waits (wait_graph.hpp).
/// F6. A giver that is a green thread sets `giver_waits_bit` once, before it first waits in the graph itself (WG6).
///     Whoever comes to wait after that is in the table of the graph before he publishes it. One who waits already is
///     put there by the giver, which takes his completion out meanwhile and leaves `naming`: his wait cannot end until
///     it is back.
/// F7. The giver of what was asked may put in a `reader_watch` while it is at work. The reader's end that gives up or
///     goes marks that, once, and tells the watch that was there, before it lets go of the state (F3). The giver takes
///     its watch out before it gives the result; if it comes too late for that it waits until the watch has been told.
///     Who ends a wait of the reader, a timer or whoever calls it off, leaves this to him: he holds no lock.
class future_state_base {
public:
  future_state_base(const future_state_base&) = delete;
  future_state_base& operator=(const future_state_base&) = delete;

  /// The scheduler that a thread of the outside drives, or waits for, when it blocks.
  virtual scheduler& provider() const noexcept = 0;

  /// F5; null if it is unknown. Only to compare.
  virtual const void* owner() const noexcept = 0;

  /// Whether somebody is at work on it; a moment's truth.
  virtual bool begun() const noexcept { return (word_.load(relaxed) & running) != 0; }

  /// Whose result it is, if that is a green thread.
  virtual strand* giver() noexcept { return nullptr; }

  /// What it stands for, in reports: "a future<int>".
  virtual std::string describe() const = 0;

  /// F4: what the errors of whoever gives up say behind their text.
  virtual std::string circumstances() const { return {}; }

  /// True if the result is there or was given up: nobody needs to wait.
  bool ready() const noexcept { return (word_.load(acquire) & (done | given_up)) != 0; }

  /// Whether what has come, and has not been taken, is an error.
  virtual bool failed() const noexcept = 0;

  /// Whether a shutdown waits for those who wait for this.
  virtual bool holds_up() const noexcept { return true; }

  /// F4: whether it knows who was asked.
  virtual bool named() const noexcept { return false; }

  // --- the reader's end ---------------------------------------------------------------------------------------------

  /// Has `c` told; false if it is ready, and then `c` is not told. One at a time.
  bool await(completion& c) noexcept { return await(c, true) == awaited::published; }

  /// The same for one who waits in the graph and may not stand in its table yet: then, if he has to (F6), nothing is
  /// done.
  enum class awaited : std::uint8_t { published, ready, needs_edge };
  awaited await(completion& c, bool in_table) noexcept;

  /// F6; a hint, for `await` tells.
  bool giver_waits() const noexcept { return (word_.load(relaxed) & giver_waits_bit) != 0; }

  /// Takes `c` back; false if it is told or will be at once.
  bool withdraw(completion& c) noexcept { return take_out(c, nobody); }

  /// The same, and gives up the result: who comes with it is late. Adds to the error of whoever gives up.
  bool give_up(completion& c, errc why, std::unique_ptr<std::string>& circumstances);

  /// Gives up a result that nobody waits for; false if it is there or was given up before.
  bool abandon(errc why) noexcept;

  /// True while `c` is to be told.
  bool awaited_by(const completion& c) noexcept {
    // A read-modify-write: if it comes before the exchange that publishes a wait, then that one has seen what happened
    // before this (WG4).
    const std::uintptr_t now = word_.fetch_add(0, acq_rel);
    return completion_of(now) == reinterpret_cast<std::uintptr_t>(&c) && (now & (done | given_up)) == 0;
  }

  /// Gives the result up: whoever waits finds `errc::cancelled`. False if it is there, or if somebody has said that he
  /// is at work on it. Any thread, while the reader's end is there.
  bool cancel() noexcept;

  /// F3. Nobody waits.
  void detach() noexcept {
    if ((word_.load(acquire) & done) == 0) {
      reader_gives_up();
      if ((word_.fetch_add(detached, acq_rel) & done) == 0) return;
    }
    destroy();
  }

  /// F7, for states whose giver may watch: who watched, to be told by the caller; null if nobody did.
  virtual reader_watch* take_watch() noexcept { return nullptr; }
  void reader_gives_up() noexcept {
    if (reader_watch* w = take_watch()) w->reader_gone();
  }

  // --- the giver's end ----------------------------------------------------------------------------------------------

  /// Says that work on it begins; false if it was given up before.
  bool set_running() noexcept;

  /// Whether its reader has given it up or gone: a value would be nobody's. A moment's truth.
  bool unwanted() const noexcept { return (word_.load(relaxed) & (given_up | detached)) != 0; }

protected:
  // The bits of `word_` below its pointer. In the pointer's place stand `naming`, why it was given up, `taken`, `seen`.
  static constexpr std::uintptr_t done = 1;
  static constexpr std::uintptr_t given_up = 2;
  static constexpr std::uintptr_t running = 4;                // of what is no green thread: work on it has begun
  static constexpr std::uintptr_t giver_waits_bit = running;  // of a green thread's result: F6
  static constexpr std::uintptr_t detached = 8;
  static constexpr std::uintptr_t bits = 15;
  static constexpr std::uintptr_t nobody = 0;
  static constexpr std::uintptr_t naming = 16;
  // No pointer is that small.
  static constexpr std::uintptr_t taken = 1 << 15;  // the reader has had the result
  static constexpr std::uintptr_t seen = 1 << 14;   // the reader knows that it is an error

  future_state_base() = default;
  ~future_state_base() = default;

  /// The giver's last step: the value, which must have been written, is there. False if it was given up before. The
  /// state may be gone afterwards. `complete_named` is for states that are named.
  bool complete() noexcept {
    const std::uintptr_t was = word_.load(acquire);  // pairs with the release of `detach`
    if ((was & detached) == 0) return tell(this, word_.fetch_add(done, acq_rel));
    word_.store(was | done, relaxed);  // the reader has gone: nobody else looks
    return tell(this, was);
  }
  bool complete_named() noexcept;

  /// F6, by the giver.
  void begin_to_wait() noexcept;

  /// Both ends are through.
  virtual void destroy() noexcept = 0;

  std::uintptr_t look() const noexcept { return word_.load(acquire); }
  static errc why_given_up(std::uintptr_t word) noexcept { return static_cast<errc>(word >> 4); }

  /// The error of whoever reads a result that was given up and not taken.
  static error gave_up(std::uintptr_t word);

  static std::uintptr_t completion_of(std::uintptr_t word) noexcept { return word & ~bits; }
  static bool was_taken(std::uintptr_t now) noexcept {
    return (now & given_up) != 0 ? (now & taken) != 0 : completion_of(now) == taken;
  }

  static bool was_seen(std::uintptr_t now) noexcept { return (now & given_up) == 0 && completion_of(now) == seen; }
  void see() noexcept { word_.store(done | seen, relaxed); }  // after `done` it is the reader's

  /// The reader has had the result; `now` is what it has just seen.
  void mark_taken(std::uintptr_t now) noexcept {
    if ((now & given_up) != 0)
      word_.fetch_add(taken, relaxed);  // the giver may be about to set `done`
    else
      word_.store(done | taken, relaxed);  // after `done` it is the reader's
  }

private:
  static constexpr std::uintptr_t as_given_up(errc why) noexcept {
    return static_cast<std::uintptr_t>(why) << 4 | given_up;
  }
  bool take_out(completion& c, std::uintptr_t to) noexcept;
  /// After `done`: the reader may have destroyed `state` (F3), and nothing of it is touched unless he had gone before.
  static bool tell(future_state_base* state, std::uintptr_t was) noexcept;

  // States: F1 to F4. Setting `done` releases the value to the acquire of the reader; putting a completion in releases
  // that to the acquire of who sets `done` or takes it out; `detached` and `done` release to the one that destroys.
  atomic<std::uintptr_t> word_{nobody};
};

/// Somebody waits for a result: a strand in a `co_await` or an OS thread in a `get`. Goes only when the wait is over.
///
/// RW1. A strand announces its wait before it publishes it, and may be told to stop between the two. If it is told
///      before it looks, it does not publish the wait; a canceller or timer that comes later than that look finds the
///      wait published, or waits for that, which is a matter of a few instructions.
class result_wait final : public pooled, public party_wait, public completion, private wait_edge {
public:
  /// `gives_up`: whether the result is given up when the wait ends without it.
  result_wait(future_state_base& state, bool gives_up) noexcept : state_(&state), gives_up_(gives_up) {}
  ~result_wait() {
    leave_graph();  // a strand that was killed in the wait did not
    settle();
  }

  /// Suspends the strand of the calling coroutine until the wait is over. This may be gone afterwards.
  void suspend(std::coroutine_handle<> h, std::chrono::nanoseconds timeout);

  /// Blocks the calling OS thread.
  void block(std::chrono::nanoseconds timeout);

  /// Whether the result is there, once the wait is over.
  bool came() const noexcept { return outcome_ == wait_outcome::granted; }

  /// Why it is not.
  error why_not() const;

  void completed() noexcept override { wake_party(); }
  void enter_in_graph() noexcept override {
    if (looks_) enter_graph();
  }
  bool cancel_takes_time() const noexcept override { return true; }  // RW1
  std::string describe_wait() const override { return state_->describe(); }

private:
  /// WG6, for an untimed wait: true if it stands in the table of the graph; then, once it is published, the party
  /// walks.
  bool prepare(const void* party) noexcept;

  /// False if the result is there. Else this may be gone.
  bool publish(bool& in_table) noexcept;

  bool leave(wait_outcome how) noexcept override;
  void resume_party() noexcept override { wake_party(); }

  const void* blocker() noexcept override { return state_->awaited_by(*this) ? state_->owner() : nullptr; }
  std::string subject() const override { return "a result"; }
  const char* verb() const noexcept override { return "has to bring"; }
  bool give_up(std::unique_ptr<std::string> story) noexcept override;

  future_state_base* state_;
  bool gives_up_;
  bool looks_ = false;  // it is in the graph: in its table, or WG6
  wait_outcome outcome_ = wait_outcome::granted;
  atomic<bool> leaving_{false};                 // true: somebody ends the wait in place of the result; he alone
  atomic<bool> unpublished_{false};             // true: the wait will never be published (RW1)
  std::unique_ptr<std::string> circumstances_;  // F4; null: nothing is known of them
  std::unique_ptr<std::string> story_;          // of the deadlock, when there was one
};

/// The error of a reader whose promise was destroyed without a result.
error promise_dropped(const future_state_base& state) noexcept;

inline constexpr const char* stands_for_nothing = "this future stands for nothing: it was moved from or never set";

/// A future's coming, to wait for without giving it up: `co_await` it or `get()` it. Used once, as an operation.
class [[nodiscard]] arrival {
public:
  /// Internal. `state` is null for a future that stands for nothing.
  arrival(future_state_base* state, std::chrono::nanoseconds timeout) noexcept : state_(state), timeout_(timeout) {
    if (state) wait_.emplace(*state, false);
  }

  /// Blocks the calling OS thread.
  result<void> get() {
    begin();
    if (!over()) wait_->block(timeout_);
    return await_resume();
  }

  bool await_ready() {
    begin();
    return over() && may_go_on();
  }
  void await_suspend(std::coroutine_handle<> h) {
    if (over()) return yield_current(h);  // it has had its share
    wait_->suspend(h, timeout_);
  }
  result<void> await_resume() const {
    if (!wait_) return error(errc::invalid_argument, stands_for_nothing);
    if (!wait_->came()) return wait_->why_not();
    return {};
  }

private:
  bool over() const noexcept { return !state_ || state_->ready(); }
  void begin() {
    if (std::exchange(used_, true)) used_twice();
  }

  future_state_base* state_;
  bool used_ = false;
  std::chrono::nanoseconds timeout_;
  std::optional<result_wait> wait_;
};

/// For log lines and errors: `green thread "reader"`, or "a green thread" where it was given no name. Touches nothing
/// of its scheduler, which may have gone.
std::string title_of(const strand& green);

/// Writes a log line about a green thread, or a job if that is null, that threw while nobody read its future.
void report_unread_failure(const strand* green, const error& e) noexcept;

inline constexpr const char* taken_before = "the result of this future has been taken before";

/// The state with room for the value.
template <class T>
class future_state : public future_state_base {
public:
  result<T> take() {
    const std::uintptr_t now = look();
    if (was_taken(now)) return error(errc::invalid_argument, taken_before);
    mark_taken(now);
    if ((now & given_up) != 0) return gave_up(now);
    result<T> mine = std::move(value_);
    value_.~result<T>();
    return mine;
  }

  bool failed() const noexcept override {
    const std::uintptr_t now = look();
    return (now & given_up) != 0 || (!was_taken(now) && !value_);
  }

  /// True if it was given up by `cancel`, or for a result that says so.
  bool cancelled() const noexcept {
    const std::uintptr_t now = look();
    if ((now & given_up) != 0) return why_given_up(now) == errc::cancelled;
    return (now & done) != 0 && !was_taken(now) && !value_ && value_.error() == errc::cancelled;
  }

  /// The exception that stands for the error that has come, null for a value. Leaves it to be taken.
  std::exception_ptr exception() {
    const std::uintptr_t now = look();
    if ((now & given_up) != 0) return std::make_exception_ptr(troupe_error(gave_up(now)));
    if (was_taken(now)) return std::make_exception_ptr(troupe_error(errc::invalid_argument, taken_before));
    if (value_) return nullptr;
    see();
    const std::exception_ptr cause = value_.error().cause();
    return cause ? cause : std::make_exception_ptr(troupe_error(value_.error()));
  }

  /// For the reader that has given up.
  void let_go() noexcept {
    reader_gives_up();
    mark_taken(look());
  }

  std::string describe() const override { return std::string("a future<") + type_name<T>() + ">"; }

protected:
  future_state() noexcept {}
  ~future_state() {
    if (has_value()) value_.~result<T>();
  }

  /// The giver's, once, before it completes.
  void put(result<T> r) noexcept { new (static_cast<void*>(&value_)) result<T>(std::move(r)); }

  /// The giver's, between `put` and the end: the exception that stands in place of a value; null if there is none.
  std::exception_ptr cause() const noexcept { return value_ ? nullptr : value_.error().cause(); }

  /// For states whose failures nobody may miss: before it is destroyed.
  void report_if_unread(const strand* green) const noexcept {
    if (has_value() && !was_seen(look()) && !value_ && value_.error() == errc::crashed)
      report_unread_failure(green, value_.error());
  }

private:
  /// For whoever destroys it: both ends are through, or it was never made to its end.
  bool has_value() const noexcept {
    const std::uintptr_t now = look();
    return (now & done) != 0 && (!was_taken(now) || (now & given_up) != 0);
  }

  union {
    result<T> value_;  // from `put` until it is taken
  };
};

}  // namespace troupe::detail
