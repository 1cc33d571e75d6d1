#pragma once

#include <troupe/actors/delivery_account.hpp>
#include <troupe/actors/envelope.hpp>

namespace troupe::detail {

/// A stream of messages that an actor reads by itself, beside its inbox: its place in the log of an exchange. The inbox
/// only carries the news that there is something to read, when the actor had read all there was.
///
/// All functions are called by the actor's slice.
///
/// N1. Order across inbox and streams (C1): when a message has come to the front of the inbox the marks are set, and
///     what stands before the marks is read before it. What its sender published before it sent is then in front of the
///     mark.
/// N2. An actor is idle only if each of its streams is armed: whoever appends to a log with an armed reader sends news.
class stream_reader {
public:
  struct progress {
    unsigned handled = 0;
    unsigned not_handled = 0;       ///< of these and the one at hand: put off, or without a handler
    unsigned last_put_off = 0;      ///< its number, from 1; 0: none was
    root_handle coroutine;          ///< the handler of the last one, if it is a coroutine: not yet started
    delivery_gate* gate = nullptr;  ///< what that one has to pass

    bool at_hand_is_put_off() const noexcept { return last_put_off == handled + 1; }
    void put_off_at_hand() noexcept {
      last_put_off = handled + 1;
      ++not_handled;
    }
  };

  /// A message that a handler holds while others of the stream are read.
  struct held_message {
    void (*release)(void* message, void* place) noexcept = nullptr;
    void* message = nullptr;
    void* place = nullptr;
  };

  /// Sets the mark behind what has been published; true if some of that is unread.
  virtual bool mark() noexcept = 0;

  /// The same when the inbox is empty: it may answer that nothing is unread for others to run first. `arm` says what
  /// is true.
  virtual bool look_again() noexcept { return mark(); }

  /// Hands what stands before the mark to the actor, at most `budget` messages. Lets the exceptions of handlers
  /// through; the message is read then, and not counted in `done`.
  virtual void read(cell& c, unsigned budget, progress& done) = 0;

  /// After a `read` that has ended with a coroutine, before anything else is called: gives the message up to whoever
  /// runs the coroutine, who calls `release` once it has gone. The reader may have gone before that.
  virtual held_message hand_over() noexcept = 0;

  /// During `read`: an envelope with a copy of the message that is being handled; null if it cannot be copied. Throws
  /// `std::bad_alloc`, and what copying throws.
  virtual envelope* copy() = 0;

  /// Where is counted what becomes of the message that was read last; null: nowhere. Also while its handler, a
  /// coroutine, has yet to begin.
  virtual delivery_account* account() const noexcept { return nullptr; }

  /// The type of the messages, as text that lives as long as the program.
  virtual const char* message_name() const noexcept = 0;

  /// All before the mark has been read.
  virtual bool at_mark() const noexcept = 0;

  /// Asks for news unless it has already; false if something is unread.
  virtual bool arm() noexcept = 0;

  /// The news has come.
  virtual void news() noexcept = 0;

protected:
  ~stream_reader() = default;
};

}  // namespace troupe::detail
