#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <typeinfo>
#include <utility>

#include <troupe/actors/envelope.hpp>
#include <troupe/base/error.hpp>

namespace troupe {

/// What a mailbox with a limit does with a message for which there is no room. Messages of the runtime itself (close,
/// the end of an input, replies, timers) know no limit (C11).
enum class overflow : std::uint8_t {
  block,        ///< nothing is lost: who can wait waits, and an actor that sends on nevertheless is muted; see `send`
  drop_oldest,  ///< the oldest message makes room; in a mailbox with priorities the oldest of the least urgent ones
  drop_newest,  ///< the message is lost
  fail,         ///< the message is not sent: `try_send` says `full`, `ask` answers with `errc::full`
};

/// In what order a mailbox gives its messages.
enum class mailbox_order : std::uint8_t {
  fifo,      ///< as they came
  lifo,      ///< the newest first
  priority,  ///< the most urgent first, those of one level as they came; see `troupe::priority`
};

/// How urgent a message is. A message type has one if there is a function `troupe::priority priority_of(const M&)
/// noexcept`, found by argument-dependent lookup; all others have `priority::normal()`.
class priority {
public:
  /// Levels run from 0, the most urgent, to `levels - 1`. Throws `troupe_error` (`invalid_argument`) for others, at
  /// compile time where it can.
  explicit constexpr priority(unsigned level) : level_(static_cast<std::uint8_t>(level)) {
    if (level >= levels)
      throw troupe_error(errc::invalid_argument, "a priority is a level from 0 (first) to 31 (last)");
  }

  static constexpr unsigned levels = 32;
  static constexpr priority highest() noexcept { return priority(0); }
  static constexpr priority normal() noexcept { return priority(levels / 2); }
  static constexpr priority lowest() noexcept { return priority(levels - 1); }

  constexpr unsigned level() const noexcept { return level_; }

  friend constexpr bool operator==(priority, priority) noexcept = default;

private:
  std::uint8_t level_;
};

namespace detail {

class bounded_inbox;

/// The messages of M say how urgent they are.
template <class M>
concept has_priority = requires(const M& m) {
  { priority_of(m) } -> std::same_as<priority>;
};

template <class M>
priority priority_for(const M& m) noexcept {
  if constexpr (has_priority<M>)
    return priority_of(m);
  else
    return priority::normal();
}

}  // namespace detail

/// A message in a mailbox of one's own: see `mailbox_queue`. Move only; one that is destroyed there is lost, and
/// counted as an overflow. A moved-from one, and a default-constructed one, is none.
class queued_message {
public:
  queued_message() = default;
  /// Internal.
  queued_message(detail::envelope& e, detail::bounded_inbox& in) noexcept : envelope_(&e), inbox_(&in) {}
  queued_message(queued_message&& other) noexcept
      : envelope_(std::exchange(other.envelope_, nullptr)), inbox_(other.inbox_) {}
  queued_message& operator=(queued_message&& other) noexcept {
    queued_message taken(std::move(other));
    std::swap(envelope_, taken.envelope_);
    std::swap(inbox_, taken.inbox_);
    return *this;
  }
  ~queued_message() {
    if (envelope_) lose();
  }

  explicit operator bool() const noexcept { return envelope_ != nullptr; }

  /// The message, if it is of type M; else null.
  template <class M>
  const M* get_if() const noexcept {
    const detail::message_ops& ops = *envelope_->ops;
    return *ops.type == typeid(M) ? static_cast<const M*>(ops.payload(*envelope_)) : nullptr;
  }

  const char* type_name() const noexcept { return envelope_->ops->name; }
  troupe::priority priority() const noexcept { return envelope_->ops->urgency(*envelope_); }

  /// Internal.
  detail::envelope* release() noexcept { return std::exchange(envelope_, nullptr); }

private:
  void lose() noexcept;

  detail::envelope* envelope_ = nullptr;
  detail::bounded_inbox* inbox_ = nullptr;
};

/// A queue that decides in which order an actor gets its messages. `pop` gives one that was pushed, none if it holds
/// none; `drop` gives the one that is to go when `overflow::drop_oldest` needs room. All functions are called under the
/// lock of the mailbox, by whatever thread sends: they are short, and send nothing themselves. What `push` throws loses
/// the message, counted and logged.
template <class Q>
concept mailbox_queue = std::default_initializable<Q> && requires(Q q, queued_message m) {
  q.push(std::move(m));
  { q.pop() }
  noexcept->std::same_as<queued_message>;
  { q.drop() }
  noexcept->std::same_as<queued_message>;
};

namespace detail {

/// The queue of a mailbox that is not FIFO, its type forgotten.
class message_queue {
public:
  virtual ~message_queue() = default;
  virtual void push(queued_message m) = 0;
  virtual queued_message pop() noexcept = 0;
  virtual queued_message drop() noexcept = 0;
};

template <mailbox_queue Q>
class message_queue_of final : public message_queue {
public:
  void push(queued_message m) override { queue_.push(std::move(m)); }
  queued_message pop() noexcept override { return queue_.pop(); }
  queued_message drop() noexcept override { return queue_.drop(); }

private:
  Q queue_;
};

using make_message_queue = std::unique_ptr<message_queue> (*)();

}  // namespace detail

/// How the mailbox of an actor is to be, for a class (`static constexpr troupe::mailbox_options mailbox{...}`) or for
/// one actor of it (`actor_options::mailbox`). The default is unbounded and FIFO, and the fastest.
struct mailbox_options {
  static constexpr std::size_t unbounded = SIZE_MAX;

  std::size_t capacity = unbounded;            ///< messages that it holds, at least 1
  overflow when_full = overflow::block;        ///< what happens then
  mailbox_order order = mailbox_order::fifo;   ///< in what order it gives them
  detail::make_message_queue queue = nullptr;  ///< made by `ordered_by`; in place of `order`

  /// A mailbox with a queue of one's own.
  template <mailbox_queue Q>
  static constexpr mailbox_options ordered_by(std::size_t capacity = unbounded, overflow when_full = overflow::block) {
    return {capacity, when_full, mailbox_order::fifo,
            []() -> std::unique_ptr<detail::message_queue> { return std::make_unique<detail::message_queue_of<Q>>(); }};
  }
};

/// What became of a message that was sent.
enum class send_status : std::uint8_t {
  queued,   ///< it is in the mailbox
  closed,   ///< the actor had been closed or had ended: the message is or will be a dead letter
  full,     ///< there was no room: the message was not sent
  dropped,  ///< there was no room: the message was dropped, as the mailbox's policy says
};

}  // namespace troupe
