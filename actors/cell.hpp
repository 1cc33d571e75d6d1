#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include <troupe/actors/core.hpp>
#include <troupe/actors/delivery_gate.hpp>
#include <troupe/actors/detail/inbox.hpp>
#include <troupe/actors/detail/parking.hpp>
#include <troupe/actors/envelope.hpp>
#include <troupe/actors/exit_reason.hpp>
#include <troupe/actors/mailbox.hpp>
#include <troupe/actors/states.hpp>
#include <troupe/actors/stream_reader.hpp>
#include <troupe/scheduler/future.hpp>
#include <troupe/scheduler/strand.hpp>
#include <troupe/scheduler/task.hpp>

namespace troupe {

/// How one actor is to be made; for `runtime::spawn`.
struct actor_options {
  std::string name{};                                     ///< which reports show; empty: class#id
  std::optional<mailbox_options> mailbox = std::nullopt;  ///< in place of that of its class
  bool own_thread = false;                                ///< it runs alone on a thread of its own: see `own_thread`
};
struct supervisor_options;

namespace detail {

/// Told once when the coroutine of a handler goes, in a slice of its actor, and whether it had come to its end.
class handler_watch {
public:
  virtual void handler_over(bool returned) noexcept = 0;

protected:
  ~handler_watch() = default;
};

/// The outermost coroutine of a handler that is one, or of a loop actor's `run`.
struct root_promise : pooled_frame {
  root_promise() = default;
  root_promise(const root_promise&) = delete;
  root_promise& operator=(const root_promise&) = delete;
  ~root_promise() {
    if (watch) watch->handler_over(returned);
  }

  envelope* message = nullptr;  ///< kept until the handler is done; null for `run` and for messages of streams
  bool is_run = false;
  bool returned = false;
  handler_watch* watch = nullptr;  ///< null: nobody
  std::exception_ptr failure;

  root_handle get_return_object() noexcept { return root_handle::from_promise(*this); }
  std::suspend_always initial_suspend() const noexcept { return {}; }
  std::suspend_always final_suspend() const noexcept { return {}; }
  void return_void() noexcept { returned = true; }
  void unhandled_exception() noexcept { failure = std::current_exception(); }
};

/// The return type of such a coroutine.
struct root {
  using promise_type = root_promise;
  root(root_handle h) noexcept : handle(h) {}
  root_handle handle;
};

/// What a cell knows about the class of its actor.
struct actor_class {
  const char* name;
  std::uint32_t size;
  std::uint32_t alignment;
  bool inside;  ///< its objects stand in their cells
  void (*destroy)(void* object) noexcept;
  void (*on_start)(void* object);               ///< null if the class has none
  void (*on_stop)(void* object);                ///< null if the class has none
  void (*on_idle)(void* object);                ///< null if the class has none
  root_handle (*run)(void* object);             ///< null but for loop actors
  bool (*has_state)(const void* tag) noexcept;  ///< null if it declares no states
  bool source;                                  ///< takes no messages: ends by itself or when told to stop
  bool reentrant;                               ///< its handlers that are coroutines overlap, where they wait
  const message_ops* exit_signal;  ///< for those with a handler of `exit_signal`, else null: a link ends them
  const mailbox_options* mailbox;  ///< null: the default
};

/// Small objects stand in their cells: who wakes an actor knows where its object is without looking, and to make one
/// takes one allocation. In return the memory of such an object goes with the last reference, after the actor's end.
inline constexpr std::size_t largest_inside = 128;
template <class A>
inline constexpr bool fits_inside = sizeof(A) <= largest_inside && alignof(A) <= 16;

class no_answer;

/// Called once when an actor ends, before anyone is told that it has.
class end_hook {
public:
  virtual ~end_hook() = default;
  virtual void actor_ended(cell& c) noexcept = 0;
};

/// Told once when an actor has gone (C5), by whatever thread ended it, or at once by whoever adds it too late.
class end_observer {
public:
  virtual ~end_observer() = default;
  virtual void actor_gone(cell& who, const exit_reason& reason) noexcept = 0;
};

class family;
class membership;

/// What few actors need; allocated on demand.
struct cell_extras;
class bounded_inbox;
class handler_strand;
class room;
class slice_count;

}  // namespace detail

/// The part of an actor that outlives it: its inbox, its life, and the references to it. Internal; users see `ref` and
/// `address`.
///
/// A1. The object exists from construction to `end`, and only the thread that runs the slice touches it (C2), also
///     where handlers overlap.
/// A2. The cell owns one reference to itself until it has ended.
/// A3. A slice ends in one of four ways, and touches nothing of the cell after it: idle (the inbox's compare-exchange),
///     behind the others (reschedule), suspended (somebody else owns the right to resume), ended.
/// A4. `bounded_flag` says whether the messages are in a `bounded_inbox` instead of `inbox_`; decided before anyone
///     else knows the cell.
class cell final : public strand {
public:
  /// Makes a cell whose object is not there yet. `construct(cell&, memory)` makes the object and may throw.
  template <class Construct>
  static cell* make(detail::core& k, const detail::actor_class& c, actor_options options, Construct construct);

  // --- any thread, by whoever holds a reference ---------------------------------------------------------------------

  void keep() noexcept override { retain(); }
  void let_go() noexcept override { release(); }
  void retain() noexcept { refs_.fetch_add(1, relaxed); }
  void release() noexcept {
    if (refs_.fetch_sub(1, acq_rel) == 1) destroy();
  }

  /// Takes the envelope over: queues it, or loses it as a dead letter or as the mailbox's policy says. False in the
  /// latter cases.
  bool enqueue(detail::envelope& e) noexcept {
    prefetch_for_write(&inbox_);
    if (is_bounded()) [[unlikely]]
      return push_bounded(e, false) == send_status::queued;
    if (!e.ops->system) core_->count(&detail::core::counters::sent);
    if (core_->attended()) [[unlikely]]
      return push_attended(e);
    return push(e);
  }

  /// The same for a message that counts as sent already.
  bool enqueue_again(detail::envelope& e) noexcept {
    if (is_bounded()) [[unlikely]]
      return push_bounded(e, false, true) == send_status::queued;
    if (core_->attended()) [[unlikely]]
      note_passage(e);
    return push(e);
  }

  /// The same for a sender who wants to know: does not go beyond the limit of the mailbox, and says `closed` also if
  /// the actor has been told to close before: then it will not come to the message.
  send_status try_enqueue(detail::envelope& e) noexcept {
    if (is_bounded()) [[unlikely]]
      return push_bounded(e, true);
    const bool open = (flags_.load(acquire) & (refusing_flag | ended_flag)) == 0;
    return enqueue(e) && open ? send_status::queued : send_status::closed;
  }

  /// The same for one that is about to wait for room: true if a test has taken it.
  bool taken_before_wait(detail::envelope& e) noexcept;
  /// Shows a message that nobody will take any more to those who look: it enters the mailbox, or is lost at it.
  void note_passage(const detail::envelope& e) noexcept;

  /// Null if the mailbox is the default one.
  detail::bounded_inbox* bounded() const noexcept;

  /// C4: what was sent before is handled, then the actor ends. Sources are told to stop. `how`: `normal` or `shutdown`,
  /// which is the reason then.
  void close(exit_kind how = exit_kind::normal) noexcept;
  /// Ends the actor after the handler that runs; what is queued is lost.
  void kill() noexcept;
  void request_kill() noexcept override { kill(); }
  /// As `kill`, with another reason; of several the first counts. A supervisor may make the actor anew.
  void end_with(exit_reason reason) noexcept;

  bool closing() const noexcept { return (flags_.load(acquire) & (closing_flag | ended_flag)) != 0; }
  bool ended() const noexcept { return (flags_.load(acquire) & ended_flag) != 0; }
  bool is_source() const noexcept { return class_->source; }

  /// Makes the object come to an end, to be made anew when its supervisor says so.
  void come_down() noexcept;
  /// True once it has been killed, for whatever it waits.
  bool was_killed() const noexcept { return (flags_.load(seq_cst) & killed_flag) != 0; }
  /// Its place below a supervisor or parent; null if it has none.
  detail::membership* place() const noexcept;

  /// Gives the reason when the actor has ended (C5).
  void notify_end(promise<exit_reason> p);
  /// Calls the hook when the actor ends; at once if it has ended.
  void add_end_hook(std::shared_ptr<detail::end_hook> hook);
  void remove_end_hook(const detail::end_hook& hook) noexcept;
  /// Tells the observer when the actor has gone; at once if it has.
  void add_observer(std::shared_ptr<detail::end_observer> o);
  void remove_observer(const detail::end_observer& o) noexcept;
  /// The first observer of type T for which `test` holds, or null.
  template <class T, class Test>
  std::shared_ptr<T> find_observer(Test test) const;

  /// One more stream feeds this actor; it is closed when the last of them has ended.
  void add_input();
  /// Delivers, in order, that one has ended.
  void send_input_end() noexcept;

  /// The actor reads this stream from now on; it goes with `stream_removed`.
  void add_stream(detail::stream_reader& s);
  /// There is something to read again.
  void send_news(detail::stream_reader& s) noexcept;

  std::uint64_t id() const noexcept override { return id_; }
  std::uint64_t id_if_any() const noexcept override { return id_; }
  strand_extras& extras() override;
  strand_extras* extras_if_any() const noexcept override;
  /// The name given at spawn, or class#id.
  std::string name() const override;
  std::string describe() const override { return name(); }
  bool waits_for_message() const noexcept override;
  detail::core& core() const noexcept { return *core_; }
  /// Messages that it has handled, modulo 2^32, but for those of the slice that runs.
  std::uint32_t handled() const noexcept { return handled_.load(relaxed); }

  // --- the actor itself, inside its slice ---------------------------------------------------------------------------

  void run() noexcept override;
  bool has_object() const noexcept { return has_object_; }
  /// Its object, of a class that is known; while there is one.
  template <class A>
  A* object() noexcept {
    if constexpr (!detail::fits_inside<A>)
      return static_cast<A*>(object_.outside);
    else if constexpr (std::is_final_v<A>)
      return std::launder(reinterpret_cast<A*>(inside()));
    else
      return std::launder(static_cast<A*>(object()));  // A may be the base of one that does not fit
  }
  void input_ended() noexcept;
  bool stop_requested() const noexcept { return closing() || killed(); }
  bool killed() const noexcept override { return (flags_.load(acquire) & (killed_flag | told_flag)) != 0; }
  const detail::actor_class& of_class() const noexcept { return *class_; }
  /// Said by a system message that has come to a handler: a loop that waits has got it.
  void system_message_taken() noexcept { taken_ = true; }
  /// What the inbox delivers.
  void stream_added(detail::stream_reader& s);
  void stream_removed(detail::stream_reader& s) noexcept;
  void mark_closed() noexcept { draining_ = true; }
  /// Waits until `ready()`, or for nothing (P2). False: it is so already, and the slice goes on; else it is over.
  template <class Ready>
  bool park(detail::parking& p, Ready ready) noexcept;
  /// Takes its place, before it begins. Throws `troupe_error` (`closed`).
  void join_family(std::unique_ptr<detail::membership> place);
  /// Its children; made at the first call. With options, anew if there are none yet.
  const std::shared_ptr<detail::family>& own_family();
  const std::shared_ptr<detail::family>& own_family(supervisor_options options);
  /// False once it has something else to do than to read its streams up to their marks.
  bool reads_streams() const noexcept { return marked_; }
  /// What was sent before the close has been handled.
  bool drained() const noexcept { return draining_; }

  // What few actors do (stash.cpp).

  /// See `actor`.
  void stash();
  void unstash_all();
  /// The same for what a loop does not want now: from its slice, while it is being delivered, and after its receiving.
  void set_aside();
  void bring_back() noexcept;
  /// The number of the present receive with a timeout, and the next one.
  std::uint64_t receive_number() const noexcept;
  void end_receive() noexcept;
  void receive_timed_out(std::uint64_t number) noexcept;
  void send_receive_timeout(std::uint64_t number) noexcept;

  // States of the actor (states.cpp).

  void become(const void* tag, void* object, const char* name);
  void unbecome() noexcept;
  const detail::active_state* innermost_state() const noexcept;
  /// Neither the actor nor a state that it is in has a handler for it: that is its fate. `gone` stands for such
  /// envelopes.
  detail::root_handle refuse_unhandled(detail::envelope& e, const detail::message_ops& gone) noexcept;
  /// The same for a message that is shared, or of a stream.
  detail::root_handle lose_unhandled(const char* message) noexcept;

  /// Whether the message at hand is a question whose asker has given up (questions.cpp).
  bool asker_gone() const noexcept;
  /// Nobody wants the answer to this question any more.
  detail::root_handle skip_unwanted(detail::envelope& e, const detail::message_ops& gone) noexcept;

  /// A handler that overlaps with others will not wait any more, and its actor ends: the last such wakes it
  /// (reentrant.cpp). Any thread.
  void handler_came() noexcept;

  // Its idle timeout (idle_watch.cpp).

  void set_idle_timeout(std::chrono::nanoseconds after);
  void idle_watch_fired() noexcept;

  /// It has gone beyond a limit in this slice: once the handler is done it waits for room there.
  void mute(detail::room& full) noexcept;

  /// Counts, answers, destroys and frees a message that the mailbox has dropped. Any thread.
  void lose_for_overflow(detail::envelope& e) noexcept;

private:
  enum : std::uint8_t {
    closing_flag = 1,  // somebody has begun to close or kill it, or it ends by itself
    killed_flag = 2,
    ended_flag = 4,
    refusing_flag = 8,   // the message that closes it is in the inbox: what is pushed now comes behind it
    told_flag = 16,      // as killed_flag, but the extras say why; taken back when it is to be made anew (U2)
    shutdown_flag = 32,  // whoever closed it did so for a shutdown
    muted_flag = 64,     // its own slice's: see `mute`; taken back when that is over
    bounded_flag = 128,  // A4
  };

  cell(detail::core& k, const detail::actor_class& c);
  ~cell();

  void prepare(actor_options options);
  void take_own_thread();
  void call_off_handler() noexcept;
  void begin() noexcept;    // construction is over: idle, or scheduled
  void abandon() noexcept;  // construction has failed
  bool must_end() const noexcept override { return ending_; }
  void end_abandoned() noexcept override;
  void destroy() noexcept;
  template <class Envelope, class... Args>
  void push_system(Args&&... args) noexcept;
  void refuse_all() noexcept;
  detail::cell_extras& own_extras();
  detail::cell_extras* extras_if_memory() noexcept;

  bool push(detail::envelope& e) noexcept {
    switch (inbox_.push(e)) {
      case detail::push_result::queued: return true;
      case detail::push_result::woke:
        // Those lines are the slice's, which another core may have run last.
        prefetch_for_write(&reader_);
        prefetch_for_write(&object_);
        if (bytes_of(*class_) != sizeof(cell)) prefetch_for_write(this + 1);
        home().schedule(*this);
        return true;
      case detail::push_result::closed: break;
    }
    refuse_all();
    return false;
  }
  static void note_sender(detail::envelope& e) noexcept;
  // Where somebody watches, or a test taps: tapped_cell.cpp.
  bool push_attended(detail::envelope& e) noexcept;
  bool taken_by_tap(detail::envelope& e) noexcept;
  bool record(run_loop& recorder, detail::envelope& e) noexcept;
  void record(run_loop& recorder, const detail::stream_reader& r) noexcept;
  send_status push_bounded(detail::envelope& e, bool may_refuse, bool counted = false) noexcept;

  // The reader's side of either inbox.
  detail::envelope* take() noexcept { return is_bounded() ? take_bounded() : reader_.take(inbox_); }
  bool has_message() const noexcept { return is_bounded() ? has_message_bounded() : reader_.has_message(inbox_); }
  bool try_idle() noexcept { return is_bounded() ? try_idle_bounded() : reader_.try_idle(inbox_); }
  detail::envelope* take_bounded() noexcept;
  bool has_message_bounded() const noexcept;
  bool try_idle_bounded() noexcept;

  bool begin_mute() noexcept;
  void end_mute() noexcept;

  bool start() noexcept;
  template <class Slice>
  void run_slice() noexcept;
  bool handle(detail::envelope& e, detail::slice_count& handled) noexcept;
  bool go_on(std::coroutine_handle<> at, detail::slice_count& handled, detail::pause_hook* hook = nullptr) noexcept;
  bool begin_handler(detail::root_handle handler, detail::envelope& e, detail::slice_count& handled,
                     detail::pause_hook& through) noexcept;
  // Of reentrant classes: reentrant.cpp.
  bool let_overlap(detail::root_handle handler, detail::envelope* e, detail::stream_reader* from,
                   detail::slice_count& handled, detail::pause_hook& through) noexcept;
  bool run_handler(detail::handler_strand& h, detail::slice_count& handled, detail::pause_hook* hook) noexcept;
  bool handler_is_done(detail::handler_strand& h, detail::slice_count& handled) noexcept;
  detail::envelope* leave_handler(detail::handler_strand& h) noexcept;
  bool take_when_closed(detail::slice_count& handled) noexcept;
  bool end_handlers(const exit_reason& reason, detail::no_answer& why) noexcept;
  bool read_streams(unsigned& left, detail::slice_count& handled) noexcept;
  bool mark_streams() noexcept;
  bool look_at_streams() noexcept;
  bool arm_streams() noexcept;
  void crash(detail::envelope* e) noexcept;
  void note_failure(detail::delivery_account* account) noexcept;
  void lose_begun(detail::delivery_account* account, loss why, const char* type) noexcept;
  std::string about(const std::string& why, const detail::envelope& asked) const;
  void end(exit_reason reason) noexcept;
  void end_as_told() noexcept;
  void tell(exit_reason reason, bool anew) noexcept;
  // Of those who have a supervisor or children: supervised_cell.cpp.
  bool held_by_kin(exit_reason& reason) noexcept;
  bool made_anew_after(const exit_reason& reason) const noexcept;
  void retire(const exit_reason& reason) noexcept;
  void wait_to_be_made_anew() noexcept;
  bool come_back() noexcept;
  bool keep_for_retry(detail::envelope& e, const exit_reason& reason) noexcept;
  bool retry(detail::slice_count& handled) noexcept;
  exit_reason reason_when_closed() const noexcept;
  void leave_the_living(const exit_reason& reason, bool registered) noexcept;
  void drain(loss how, detail::no_answer& why) noexcept;
  void lose(detail::envelope& e, loss how, detail::no_answer& why) noexcept;
  void lose_stash(loss how, detail::no_answer& why) noexcept;
  void put_away(detail::envelope& e);
  void put_away_when_done(detail::envelope& e) noexcept;
  void detach_last() noexcept;
  void put_away_copy();
  void put_in_front(std::size_t n) noexcept;
  void before_close() noexcept;
  void put_in_front(detail::envelope& e) noexcept;
  detail::envelope* last_taken() const noexcept;
  detail::envelope* at_hand() const noexcept;
  bool next_is_unstashed() noexcept;
  /// What belongs to the object, and not to the cell, goes with it.
  void leave_object_behind() noexcept;
  bool watch_idleness(bool handled) noexcept;
  void note_message() noexcept;
  void end_idle_watch() noexcept;

  bool is_bounded() const noexcept { return (flags_.load(relaxed) & bounded_flag) != 0; }

  // The memory of the object, from before its construction until after its end; made anew it stays there.
  void allocate_object() {
    if (!class_->inside) object_.outside = pool_allocate(class_->size, class_->alignment);
  }
  void free_object() noexcept;
  void* object() noexcept { return class_->inside ? inside() : object_.outside; }
  std::byte* inside() noexcept { return reinterpret_cast<std::byte*>(this + 1) - sizeof object_; }
  /// Of the cell of such an actor: the end of a larger object that stands in it goes beyond the class.
  static constexpr std::size_t bytes_of(const detail::actor_class& c) noexcept {
    return sizeof(cell) + (c.inside && c.size > sizeof object_ ? c.size - sizeof object_ : 0);
  }

  // What senders touch comes first, what the slice writes with each message last, and what both only read between: the
  // two must not share a cache line (static_assert in cell.cpp). The first word of the reader is written by both, when
  // the actor goes idle and is woken.
  atomic<std::uint8_t> flags_{0};  // set once each, but for told_flag and muted_flag, which come and go
  detail::inbox inbox_;
  detail::core* core_;

  const detail::actor_class* class_;
  std::uint64_t id_;
  atomic<detail::cell_extras*> extras_{nullptr};  // null -> set once, by compare-exchange
  // A handler or `run` that has begun and not ended; where handlers overlap the one that runs, else null (RE1).
  detail::root_handle root_;
  atomic<std::uint32_t> refs_{1};  // references to the cell

  detail::inbox_reader reader_;
  bool started_ : 1 = false;    // its object is there, `on_start` has returned, and `run` has begun
  bool ending_ : 1 = false;     // it ends, but waits for forks of its coroutine, overlapping handlers or child actors
  bool receiving_ : 1 = false;  // a loop actor that waits for a message
  bool draining_ : 1 = false;   // the close message has been reached
  bool taken_ : 1 = false;      // the system message at hand has gone to a handler
  bool retrying_ : 1 = false;   // the message at hand has been tried before
  bool muting_ : 1 = false;     // it waits for room in somebody's mailbox
  bool idles_ : 1 = false;      // it has an idle timeout
  bool has_streams_ = false;
  bool marked_ = false;            // some stream is to be read up to its mark
  bool front_marked_ : 1 = false;  // the marks were set for the message at the front of the inbox
  bool has_object_ : 1 = false;
  bool overlapping_ : 1 = false;      // handlers of a reentrant class have begun and not ended
  atomic<std::uint32_t> handled_{0};  // messages, for reports; written by the slice, relaxed
  union {
    void* outside;
    alignas(16) std::byte begin_of_inside[16];
  } object_;  // the last member
};

template <class Ready>
bool cell::park(detail::parking& p, Ready ready) noexcept {
  retain();
  forget_cancel();
  begin_wait(p, false);  // what it waits for is queued or due itself, and holds up a shutdown as such
  const bool parked = p.park(std::move(ready));
  if (!parked) end_wait();
  release();
  return parked;
}

namespace detail {

extern constinit thread_local cell* cell_under_construction;

/// The actor whose slice the calling thread runs; null if there is none.
extern constinit thread_local cell* running_cell __attribute__((tls_model("initial-exec")));

/// For the runtime's own messages.
extern const message_ops close_ops;
extern const message_ops input_end_ops;
extern const message_ops kill_ops;

}  // namespace detail

template <class Construct>
cell* cell::make(detail::core& k, const detail::actor_class& c, actor_options options, Construct construct) {
  cell* self = new (pool_allocate(bytes_of(c))) cell(k, c);
  // The base class of the object takes the cell from here; an actor may spawn others in its constructor.
  cell* outer = std::exchange(detail::cell_under_construction, self);
  bool allocated = false;
  try {
    self->prepare(std::move(options));
    self->allocate_object();
    allocated = true;
    {
      const sends_for it(self);
      construct(*self, self->object());
    }
    detail::cell_under_construction = outer;
  } catch (...) {
    detail::cell_under_construction = outer;
    if (allocated) self->free_object();
    self->abandon();
    throw;
  }
  self->has_object_ = true;
  self->begin();
  return self;
}

}  // namespace troupe
