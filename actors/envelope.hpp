#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>
#include <typeinfo>
#include <utility>

#include <troupe/base/atomic.hpp>
#include <troupe/base/error.hpp>
#include <troupe/base/pool.hpp>
#include <troupe/base/type_name.hpp>

namespace troupe {

class cell;
class priority;

namespace detail {

struct envelope;
class delivery_gate;
struct root_promise;
using root_handle = std::coroutine_handle<root_promise>;

/// What can be done with an envelope whose message type is no longer known. One constant object for each pair of
/// message type and receiver class.
struct message_ops {
  /// Calls the handler. Lets its exceptions through. Returns the coroutine if the handler is one (not yet started).
  root_handle (*handle)(cell&, envelope&) = nullptr;
  /// The gate that the message has to pass. Null if there is none for this kind of envelope.
  delivery_gate* (*gate)(envelope&) = nullptr;
  /// Tells whoever asked that there will be no answer, and why. Null if nobody can have asked.
  void (*refuse)(envelope&, const error&) noexcept = nullptr;
  /// Destroys the message, not the envelope.
  void (*destroy)(envelope&) noexcept = [](envelope&) noexcept {};
  std::uint32_t size = 0;       ///< of the envelope with its message, in bytes
  std::uint32_t alignment = 0;  ///< of the same
  const char* name = "";        ///< of the message type
  bool system = false;          ///< the runtime's own: not counted as a message (C3), not refused for overflow (C11)
  /// Finds another receiver for a message that this one will not handle; false, and the message untouched, if there is
  /// none. Null if there can be none.
  bool (*pass_on)(envelope&) noexcept = nullptr;
  /// The type of the message, the message, and how urgent it is. Null for messages of the runtime itself.
  const std::type_info* type = nullptr;
  const void* (*payload)(const envelope&) noexcept = nullptr;
  priority (*urgency)(const envelope&) noexcept = nullptr;
  /// Of the runtime's own: comes behind what was sent before it in any mailbox, not only in a FIFO.
  bool after_all = false;
  bool kept = false;  ///< the handler only reads the message: it could be handled again
  /// Called when the message is stashed; null if there is nothing to do.
  void (*stashed)(envelope&) noexcept = nullptr;
  bool consumed = false;  ///< its handler takes the message itself, or its promise: it cannot be stashed
  /// Whether whoever asked has given up. Null if nobody can have asked.
  bool (*unwanted)(const envelope&) noexcept = nullptr;
  bool in_turn = false;  ///< of the runtime's own: stays behind what its sender sent before also where that is late
  /// What stands for it once its fate has been counted. Null but for messages that are shared.
  const message_ops* gone = nullptr;
};

/// A message on its way: this header, and the message behind it in the same allocation.
///
/// O1. An envelope has one owner: the sender until it is pushed, the inbox, then the cell that handles it.
struct envelope {
  // The link comes first, see envelope_of.
  explicit envelope(const message_ops& o) noexcept : ops(&o) {}

  atomic<envelope*> next{nullptr};  ///< the inbox's link
  const message_ops* ops;
  /// The number of the actor that sent it, where somebody watches for lost messages or a test looks at all of them; 0
  /// elsewhere, and if it was no actor.
  std::uint64_t trace = 0;
  std::int64_t deadline = 0;  ///< by when the message is of use, in nanoseconds of the scheduler's clock; 0: always
};

/// The envelope that a link belongs to: the link is its first member.
static_assert(std::is_standard_layout_v<envelope>);
inline envelope* envelope_of(atomic<envelope*>& next) noexcept { return reinterpret_cast<envelope*>(&next); }

/// Gives back the memory of an envelope whose message is destroyed.
inline void free_envelope(envelope* e) noexcept {
  const message_ops& ops = *e->ops;
  pool_free(e, ops.size, ops.alignment);
}

/// An envelope from the pool. Throws `std::bad_alloc`, and what its constructor throws.
template <class Envelope, class... Args>
Envelope* make_envelope(Args&&... args) {
  void* memory = pool_allocate(sizeof(Envelope), alignof(Envelope));
  try {
    return new (memory) Envelope(std::forward<Args>(args)...);
  } catch (...) {
    pool_free(memory, sizeof(Envelope), alignof(Envelope));
    throw;
  }
}

}  // namespace detail
}  // namespace troupe
