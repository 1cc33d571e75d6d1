#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include <troupe/actors/cell.hpp>
#include <troupe/actors/stream_reader.hpp>
#include <troupe/base/atomic.hpp>
#include <troupe/base/intrusive_list.hpp>
#include <troupe/scheduler/strand.hpp>
#include <troupe/scheduler/strand_extras.hpp>

// Handlers of reentrant classes: coroutines that interleave at their waits.
//
// HS1. Each such handler has a strand of its own, which waits, is called off and stands in the graph of waits by
//      itself; the strand of the actor does not wait for it. But its coroutine is resumed, and destroyed, in slices of
//      the actor only (C2): the slice of the handler's strand, when its wait is over, does no more than to put a
//      message into the actor's inbox, which says that the handler goes on.
// HS2. `at_` says who is to act next: `away` is set by the actor's slice before it resumes the coroutine, `queued` by
//      whoever puts the message into the inbox, `doomed` by the actor when it ends. Only who finds `away` may queue it;
//      one that finds `doomed` has come to its end and tells the actor so.
// HS3. The strand has one reference of its actor's, given up when the coroutine has gone, and one of each message that
//      says it goes on: that one may be found when the handler is over, by an actor that was made anew or has ended. It
//      holds a reference to the cell.

namespace troupe::detail {

class handler_strand final : public strand, public list_hook<handler_strand> {
public:
  /// Takes the coroutine over, which has not begun. Throws `std::bad_alloc`.
  static handler_strand* make(cell& c, root_handle handler, const char* message_name);

  // --- any thread ---------------------------------------------------------------------------------------------------

  void run() noexcept override;
  void keep() noexcept override { refs_.fetch_add(1, relaxed); }
  void let_go() noexcept override;
  void request_kill() noexcept override { cell_->kill(); }
  bool killed() const noexcept override { return at_.load(acquire) == place::doomed || cell_->killed(); }

  /// The number and extras: it stands for its actor, but is told to stop, and has task-local values, by itself.
  std::uint64_t id() const noexcept override { return cell_->id(); }
  std::uint64_t id_if_any() const noexcept override { return cell_->id(); }
  strand_extras& extras() override { return extras_.get(); }
  strand_extras* extras_if_any() const noexcept override { return extras_.if_any(); }
  const void* sender() const noexcept override { return cell_->sender(); }
  /// The actor, and the message that it handles.
  std::string describe() const override;
  std::string name() const override { return describe(); }

  // --- the actor's slice --------------------------------------------------------------------------------------------

  /// The coroutine; null once it has gone.
  root_handle root() const noexcept { return root_; }
  const char* message_name() const noexcept { return message_name_; }

  /// HS2. Its coroutine is about to be resumed.
  void leave() noexcept { at_.store(place::away, release); }
  /// It has paused of its own accord, and goes on behind what is queued.
  void queue_again() noexcept { arrive(); }
  /// The actor ends. True if nothing of it waits any more; else `cell::handler_came` is called.
  bool doom() noexcept;
  /// Destroys the coroutine.
  void destroy_root() noexcept;

  bool loose = false;                         ///< the message's envelope is no longer the inbox's
  bool listed = false;                        ///< it stands in the list of live strands
  const message_ops* stashed_as = nullptr;    ///< its message is put off when it is done: what that was
  stream_reader::held_message from_stream{};  ///< in place of an envelope
  delivery_account* account = nullptr;        ///< of its message, whose gate may have gone

private:
  enum class place : std::uint8_t { away, queued, doomed };

  handler_strand(cell& c, root_handle handler, const char* message_name) noexcept;
  ~handler_strand() = default;

  bool must_end() const noexcept override { return false; }
  void end_abandoned() noexcept override { arrive(); }
  void arrive() noexcept;

  cell* cell_;
  root_handle root_;
  const char* message_name_;
  atomic<std::uint32_t> refs_{1};  // HS3
  // HS2. Each side releases what it has done and acquires what the other has: the store of `leave` pairs with the load
  // and the compare-exchange of `arrive`, that one with the exchange of `doom`, and this with the load of `arrive`.
  atomic<place> at_{place::queued};
  extras_slot extras_;
};

/// Those of one actor.
struct overlapping_handlers {
  intrusive_list<handler_strand, handler_strand> live;  ///< in the order of their beginning; the slice's
  handler_strand* running = nullptr;                    ///< whose coroutine runs; the slice's
  bool ending = false;                                  ///< the actor ends, and waits for them; the slice's
  /// While it ends: those that have not come, and one until all have been called off. Who brings it to zero wakes the
  /// actor: its acq_rel shows what all of them have done.
  atomic<std::ptrdiff_t> awaited{0};
};

/// Says that a handler goes on.
struct go_on_message : envelope {
  explicit go_on_message(handler_strand& s) noexcept;
  handler_strand* handler;
};
extern const message_ops go_on_ops;

}  // namespace troupe::detail
