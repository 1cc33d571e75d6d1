#pragma once

#include <chrono>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <troupe/base/await_temporary_bug.hpp>
#include <troupe/base/intrusive_list.hpp>
#include <troupe/base/result.hpp>
#include <troupe/base/spin_lock.hpp>
#include <troupe/scheduler/parker.hpp>
#include <troupe/scheduler/strand.hpp>
#include <troupe/scheduler/trampoline.hpp>
#include <troupe/scheduler/wait_graph.hpp>

// Waiting in a line, for whatever has one: mutexes, semaphores, events, channels.
//
// WL1. Link and outcome of a node are guarded by the lock of its line. Whoever changes the outcome from `pending` takes
//     the node out of the line under the same lock; he alone then owns the right, and the duty, to resume the party
//     (S1), which he does after releasing the lock, and until then the link.
// WL2. A party leaves its wait only when its node is out of the line and nobody will touch it any more: a timer that
//     could not be cancelled has fired to its end, and so has a canceller (S2).
// WL3. What was granted to a party that was killed meanwhile is given back.

namespace troupe {

/// Waits without end.
inline constexpr std::chrono::nanoseconds forever = std::chrono::nanoseconds::max();

namespace detail {

/// How a wait ended.
enum class wait_outcome : std::uint8_t {
  pending,         ///< it has not
  granted,         ///< with what was waited for
  timeout,         ///< the time was over
  cancelled,       ///< the green thread or actor was told to stop
  closed,          ///< what was waited for will never come
  deadlock,        ///< whoever would have to end it waits, directly or not, for the one that waits
  would_deadlock,  ///< blocking here would hold up the very thread that has to end it
};

/// The end of a wait: how, and how long it might have lasted.
struct wait_end {
  wait_end(wait_outcome h, std::chrono::nanoseconds t = forever) noexcept : how(h), timeout(t) {}

  friend bool operator==(const wait_end& e, wait_outcome h) noexcept { return e.how == h; }

  wait_outcome how;
  std::chrono::nanoseconds timeout;
};

/// The sentence for an end that is not `granted`; `what` says what was waited for.
error error_of(const wait_end& end, std::string_view what);

/// Throws `troupe_error` (`invalid_argument`) for a number that cannot have been meant: above PTRDIFF_MAX, as a
/// negative one is that was converted. `what` says what it counts.
void check_count(std::size_t n, const char* what);

/// Throws the error of whoever awaits an operation a second time.
[[noreturn]] void used_twice();

/// For errors: who runs on the calling thread, `green thread "reader"` or `thread "app/0"`.
std::string this_party_name();

/// What a caller gets who waited for something that carries no value: nothing or an exception, or with
/// `result<void>` the error as a value.
template <class Result>
Result ended(const wait_end& end, std::string_view what) {
  if constexpr (std::is_void_v<Result>) {
    if (end != wait_outcome::granted) throw troupe_error(error_of(end, what));
  } else {
    if (end != wait_outcome::granted) return error_of(end, what);
    return {};
  }
}

class wait_node;

// Its address tells the thread from all other parties. Initial-exec, hence without a call.
extern constinit thread_local char thread_mark alignas(16) __attribute__((tls_model("initial-exec")));

/// Who runs on the calling thread: the strand whose coroutine it is, else the thread itself. Only to compare.
/// Its low bits are zero.
inline const void* current_party() noexcept {
  if (const trampoline* t = this_trampoline) return t->self;
  return &thread_mark;
}

/// Now, in nanoseconds of the clock that the calling party's timeouts go by.
std::int64_t party_now();

/// Nodes that a critical section has taken out of their lines, to be resumed after it.
class wake_list {
public:
  wake_list() = default;
  wake_list(const wake_list&) = delete;
  wake_list& operator=(const wake_list&) = delete;
  ~wake_list();

  void add(wait_node& n) noexcept;

private:
  intrusive_list<wait_node, wait_node> nodes_;
};

/// A place in a line.
class wait_node : public list_hook<wait_node> {
public:
  /// Who waits: `current_party()` of the caller.
  const void* party = nullptr;

  /// Where whoever grants it puts or finds what is handed over; set for lines where something is.
  void* place;

  /// What it wants; set for lines where that differs: what it says is up to the line.
  unsigned want;

  /// Takes it out of its line for good, as whoever holds the lock of the line. False if the wait has ended before; then
  /// the node is to be taken out of the line, and nobody is to be resumed.
  bool end(wait_outcome how) noexcept {
    if (is_bid_) [[unlikely]]
      return end_bid(how);
    if (outcome_ != wait_outcome::pending) return false;
    outcome_ = how;
    if (linked()) unlink();
    return true;
  }

  /// Gives the party its next slice, or wakes its thread. For whoever ended the wait (WL1); the node may be gone
  /// afterwards.
  virtual void resume() noexcept = 0;

protected:
  wait_node() noexcept {}
  ~wait_node() = default;

  /// One of several places that a party has, of which one ends the wait: `end` asks `end_bid`.
  struct bid {};
  explicit wait_node(bid) noexcept : is_bid_(true) {}
  virtual bool end_bid(wait_outcome) noexcept { return false; }

  wait_outcome outcome_ = wait_outcome::pending;

private:
  const bool is_bid_ = false;
};

/// A party that waits, for whatever it may be: a strand in a `co_await` or an OS thread in a `get`.
class party_wait : public wait_point {
protected:
  class blocked_thread;

  party_wait() noexcept {}
  ~party_wait() {}  // what is in the union went with the wait

  /// Announces the wait of a strand, before it is published: from now on it can be cancelled and time out. `holds_up`:
  /// whether a shutdown waits for it to end by itself.
  void announce(strand& self, std::chrono::nanoseconds timeout, bool holds_up = true) {
    strand_ = &self;
    if (timeout != forever) arm(timeout);
    self.begin_wait(*this, holds_up);
  }

  /// Takes back what `announce` did, for a wait that was over before it was published. Tells the trampoline where to go
  /// on.
  void go_on(std::coroutine_handle<> h) noexcept;

  /// WL2, once the strand runs again.
  void settle() noexcept {
    if (timed_) disarm();
  }

  /// The strand that waits; null: an OS thread does.
  strand* waiting_strand() const noexcept { return strand_; }

  /// Gives the strand its next slice, or wakes the thread.
  void wake_party() noexcept {
    if (strand_)
      strand_->wake();
    else
      wake_thread();
  }

  /// Ends the wait in place of whoever would have granted it. True if the party is to be resumed: it was waiting.
  virtual bool leave(wait_outcome how) noexcept = 0;

  /// Lets the party go on after `leave`, outside of all locks.
  virtual void resume_party() noexcept = 0;

private:
  /// The end of its time, for a wait that has one.
  class time_limit final : public timer {
  public:
    explicit time_limit(party_wait& w) noexcept : wait_(&w) {}
    void fire() noexcept override;
    // The wait may go only afterwards: a shutdown that has run out of time destroys it when the timers have ended.
    void dropped() noexcept override { fired.store(true, release); }

    // true: the timer will not touch the wait any more, or owns the right to resume its party
    atomic<bool> fired{false};

  private:
    party_wait* wait_;
  };

  void cancel_wait() noexcept final;
  void arm(std::chrono::nanoseconds timeout);
  void disarm() noexcept;
  void wake_thread() noexcept;

  strand* strand_ = nullptr;
  bool timed_ = false;
  union {
    blocked_thread* thread_;  // while there is no strand
    time_limit limit_;        // while `timed_`
  };
};

/// The calling OS thread, for as long as it may have to wait. Made before the wait is published.
class party_wait::blocked_thread final : public wait_condition {
public:
  explicit blocked_thread(party_wait& w) noexcept : wait_(&w) { w.thread_ = this; }

  /// Blocks until the wait has ended; called once it is published, without a lock. `provider` is the scheduler that
  /// ends it, if that is known; else the caller's own may.
  void wait(std::chrono::nanoseconds timeout, scheduler* provider = nullptr) noexcept;

  void wake() noexcept {
    woken_.store(true, release);
    parker_.unpark();
  }

private:
  bool holds() const noexcept override { return woken_.load(acquire); }
  bool worth_watching() const noexcept override { return true; }
  void sleep_until(std::int64_t deadline) noexcept override { unparked_ = unparked_ || parker_.park(deadline); }

  party_wait* wait_;
  parker parker_;
  bool unparked_ = false;      // `wake` touches this no more
  atomic<bool> woken_{false};  // false -> true: the unpark is on its way; its release pairs with the acquire of `holds`
};

/// A party in one line.
class line_wait : public wait_node, public party_wait {
public:
  void resume() noexcept override { wake_party(); }

protected:
  explicit line_wait(spin_lock& guard) noexcept : guard_(&guard) {}
  ~line_wait() = default;

  /// The party has left the line with nothing; called under the lock. Others may now be able to go on.
  virtual void left(wake_list& woken) noexcept = 0;

  bool leave(wait_outcome how) noexcept final;
  void resume_party() noexcept override { resume(); }

  spin_lock* guard_;
};

/// A party in the line of something that has an owner.
class owned_line_wait : public line_wait, public wait_edge {
protected:
  using line_wait::line_wait;
  ~owned_line_wait() = default;

  /// Who has to end the wait; called under the lock of the line, with the node in it.
  virtual const void* owner() const noexcept = 0;

  std::unique_ptr<std::string> story_;  // of the deadlock, when there was one

private:
  const void* blocker() noexcept final;
  const char* verb() const noexcept final { return "holds"; }
  bool give_up(std::unique_ptr<std::string> story) noexcept final;
  void resume_party() noexcept final { resume(); }
};

/// Whether what is waited for is a message.
template <class Request>
inline constexpr bool receives = false;
template <class Request>
requires requires { Request::receives; }
inline constexpr bool receives<Request> = Request::receives;

/// The place of a request in the line; in the graph if there is an owner.
template <class Request>
class request_place : public line_wait {
protected:
  static constexpr bool owned = false;
  explicit request_place(Request& r) noexcept : line_wait(r.guard()), request_(&r) {}
  ~request_place() = default;

  void enter_graph() const noexcept {}
  void leave_graph() const noexcept {}
  auto finish(const wait_end& how) { return request_->finish(how); }

  Request* request_;
};

template <class Request>
requires requires(const Request& r) { r.owner(); }
class request_place<Request> : public owned_line_wait {
protected:
  static constexpr bool owned = true;
  explicit request_place(Request& r) noexcept : owned_line_wait(r.guard()), request_(&r) {}
  ~request_place() = default;

  void enter_graph() noexcept {
    announce_edge(party);
    wait_edge::enter_graph();
  }
  auto finish(const wait_end& how) { return request_->finish(how, story_.get()); }

  Request* request_;

private:
  std::string describe_wait() const final { return request_->what(); }
  const void* owner() const noexcept final { return request_->owner(); }
  std::string subject() const final { return request_->what(); }
};

inline wake_list::~wake_list() {
  while (wait_node* n = nodes_.pop_front()) n->resume();
}
inline void wake_list::add(wait_node& n) noexcept { nodes_.push_back(n); }

/// Parties in the order of their coming. All functions expect the lock of the line to be held.
class wait_line {
public:
  bool empty() noexcept { return nodes_.empty(); }
  void push(wait_node& n) noexcept { nodes_.push_back(n); }

  /// Who would be granted next; the line must not be empty.
  wait_node& front() noexcept { return nodes_.front(); }

  auto begin() noexcept { return nodes_.begin(); }
  auto end() noexcept { return nodes_.end(); }

  /// Grants the first that still waits, those of the party `except` left out; null if nobody does. The caller resumes
  /// it.
  wait_node* grant_one(wait_outcome how = wait_outcome::granted, const void* except = nullptr) noexcept {
    for (auto i = nodes_.begin(); i != nodes_.end();) {
      wait_node& n = *i++;
      if (except && n.party == except) continue;
      if (n.end(how)) return &n;
      n.unlink();  // has taken another alternative
    }
    return nullptr;
  }

  void grant_all(wake_list& woken, wait_outcome how = wait_outcome::granted) noexcept {
    while (wait_node* n = grant_one(how)) woken.add(*n);
  }

  /// Puts all of another line behind its own.
  void take_all(wait_line& other) noexcept { nodes_.splice_back(other.nodes_); }

private:
  intrusive_list<wait_node, wait_node> nodes_;
};

template <class Request>
inline constexpr bool dies_twice = false;
template <class Request>
requires requires { Request::dies_twice; }
inline constexpr bool dies_twice<Request> = Request::dies_twice;

/// Some compilers destroy an aggregate twice that is made inside a `co_await` expression (GCC PR 99576).
template <class... Requests>
constexpr void refuse_temporary() noexcept {
#if defined(TROUPE_AWAIT_TEMPORARY_BUG)
  static_assert(!(dies_twice<Requests> || ...),
                "troupe: this compiler destroys an item that is made in such an expression twice; write "
                "`auto s = channel.send(item); co_await s;` or `co_await channel.emplace(...)`");
#endif
}

template <class Request>
bool try_locked(Request& request, wait_node& n, wake_list& woken) {
  if constexpr (requires { request.try_locked(n, woken); })
    return request.try_locked(n, woken);
  else
    return request.try_locked(n);
}

/// What an operation has only if it must wait, which most do not: made then.
template <class Request>
class request_wait final : request_place<Request> {
  using base = request_place<Request>;
  using outcome_of = wait_outcome;
  using base::guard_;
  using base::outcome_;

public:
  request_wait(Request& r, const void* who) noexcept : base(r) { this->party = who; }

  void suspend(strand& self, std::coroutine_handle<> h, std::chrono::nanoseconds timeout) {
    const bool looks = in_graph(timeout);
    if (looks) this->enter_graph();
    this->announce(self, timeout);
    if (!publish()) return this->go_on(h);
    // The party may run again at this very moment: nothing of this may be touched any more.
    if (looks) look_for_deadlock(&self);
  }

  /// Blocks the calling OS thread.
  void block(std::chrono::nanoseconds timeout) {
    typename base::blocked_thread here(*this);
    if (in_graph(timeout)) this->enter_graph();
    if (publish()) {
      if (in_graph(timeout)) look_for_deadlock(this->party);
      here.wait(timeout);
    }
  }

  /// Called by the party once it goes on, or is destroyed. Afterwards nobody else touches this.
  void close() noexcept {
    this->leave_graph();
    this->settle();
  }

  /// After `close`.
  bool granted() const noexcept { return outcome_ == outcome_of::granted; }
  auto finish(std::chrono::nanoseconds timeout) { return base::finish(wait_end(outcome_, timeout)); }

private:
  wait_point::kind wait_kind() const noexcept override {
    return receives<Request> ? wait_point::kind::receive : wait_point::kind::other;
  }
  void left(wake_list& woken) noexcept override { this->request_->left(woken); }

  static bool in_graph(std::chrono::nanoseconds timeout) noexcept { return base::owned && timeout == forever; }

  /// True if the node is now in its line.
  bool publish() noexcept {
    wake_list woken;
    std::lock_guard lock(*guard_);
    if (outcome_ != outcome_of::pending) return false;
    const bool waits = !try_locked(*this->request_, *this, woken);
    if (!waits && outcome_ == outcome_of::pending) outcome_ = outcome_of::granted;
    return waits;
  }
};

template <class Request>
class alternative;

}  // namespace detail

/// Something that may have to wait: `co_await` it in green threads and handlers, `get()` it on OS threads. Does nothing
/// before that; used once: a second time throws `troupe_error` (`invalid_argument`). Belongs to whoever made it.
///
/// `Request` says what is wanted:
///     spin_lock& guard()               the lock of the line
///     bool try_fast(const void* party) takes it at once for that party, if that is possible without the lock
///     bool try_locked(wait_node&)      the same under the lock; true also if it has ended the wait with an error; on
///                                      false it has put the node into its line. May take a wake_list& too
///     void give_back()                 it was granted, and will not be used (WL3)
///     void left(wake_list&)            the party has left the line, under the lock
///     T finish(const wait_end&)        what the caller gets; may throw
/// and, if there is an owner who alone can end the wait (see wait_graph.hpp):
///     const void* owner()              the party, or null; under the lock, while the node is in the line
///     std::string what()               what is waited for
///     T finish(const wait_end&, const std::string* story)   in place of the other; the story of the deadlock or null
/// and, where it applies:
///     static constexpr bool dies_twice       the caller may have passed a temporary that some compilers destroy twice
///     static constexpr bool receives         what is waited for is a message, for reports
///     static constexpr bool all_or_nothing   false: it may take effect by halves
template <class Request>
class [[nodiscard]] operation final {
public:
  explicit operation(Request request, std::chrono::nanoseconds timeout = forever) noexcept
      : request_(std::move(request)), timeout_(timeout) {}
  operation(const operation&) = delete;
  operation& operator=(const operation&) = delete;
  ~operation() {
    if (stage_ >= stage::granted) clean_up();
  }

  /// Blocks the calling OS thread.
  auto get() {
    if (!take()) make_wait(detail::current_party()).block(timeout_);
    return await_resume();
  }

  auto operator co_await() & noexcept { return awaiter{this}; }
  auto operator co_await() && noexcept {
    detail::refuse_temporary<Request>();
    return awaiter{this};
  }

private:
  template <class>
  friend class detail::alternative;

  using wait_type = detail::request_wait<Request>;

  enum class stage : std::uint8_t {
    fresh,    ///< nothing has been done
    begun,    ///< it could not be had at once
    used,     ///< the caller has been given its end
    granted,  ///< it was had at once
    waits,    ///< there is a wait
  };

  // What tries is a part of the coroutine: a function would read from the frame what was just stored there in other
  // sizes, and a try takes less time than that.
  struct awaiter {
    operation* o;
    [[gnu::always_inline]] bool await_ready() const { return o->await_ready(); }
    void await_suspend(std::coroutine_handle<> h) const { o->await_suspend(h); }
    auto await_resume() const { return o->await_resume(); }
  };

  [[gnu::always_inline]] bool take() {
    if (stage_ != stage::fresh) [[unlikely]]
      detail::used_twice();
    stage_ = stage::begun;
    if (!request_.try_fast(detail::current_party())) return false;
    stage_ = stage::granted;
    return true;
  }

  wait_type& make_wait(const void* party) noexcept {
    stage_ = stage::waits;
    return *new (static_cast<void*>(&wait_)) wait_type(request_, party);
  }

  [[gnu::always_inline]] bool await_ready() { return take() && detail::may_go_on(); }
  void await_suspend(std::coroutine_handle<> h) {
    if (stage_ == stage::granted) return detail::yield_current(h);  // it has had its share
    strand& self = detail::suspend_current(h);
    make_wait(&self).suspend(self, h, timeout_);
  }
  auto await_resume() {
    if (stage_ == stage::granted) {
      stage_ = stage::used;
      return finish_at_once();
    }
    wait_.close();
    const end_of_wait at_the_end{this};
    return wait_.finish(timeout_);
  }

  auto finish_at_once() {
    const detail::wait_end had(detail::wait_outcome::granted, timeout_);
    if constexpr (requires { request_.owner(); })
      return request_.finish(had, nullptr);
    else
      return request_.finish(had);
  }

  /// What was waited for has been told to the caller.
  struct end_of_wait {
    operation* o;
    ~end_of_wait() {
      o->stage_ = stage::used;
      o->wait_.~wait_type();
    }
  };

  /// The caller goes without having used it: it was killed, or has not awaited what it began. Not inlined: g++ 12 then
  /// warns of a `wait_` that may not be initialised.
  [[gnu::noinline]] void clean_up() noexcept {
    bool has = true;
    if (stage_ == stage::waits) {
      wait_.close();
      has = wait_.granted();
      wait_.~wait_type();
    }
    if (has) request_.give_back();
  }

  Request request_;
  std::chrono::nanoseconds timeout_;
  stage stage_ = stage::fresh;
  union {
    wait_type wait_;  // while `stage::waits`
  };
};

}  // namespace troupe
