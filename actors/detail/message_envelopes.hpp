#pragma once

#include <cstdint>
#include <utility>

#include <troupe/actors/delivery_gate.hpp>
#include <troupe/actors/envelope.hpp>
#include <troupe/base/pool.hpp>
#include <troupe/scheduler/future.hpp>

/// The envelopes that users' messages travel in. Internal.
namespace troupe::detail {

/// Of a message that its handler has stashed, until it comes back: neither handled nor destroyed.
extern const message_ops stashed_ops;

template <class M>
struct own_envelope : envelope {
  template <class... Args>
  explicit own_envelope(const message_ops& o, Args&&... args) : envelope(o), message(std::forward<Args>(args)...) {}
  [[no_unique_address]] M message;  // one without members takes no room: two such envelopes fit a cache line
};

template <class M, class R>
struct ask_envelope : own_envelope<M> {
  template <class... Args>
  explicit ask_envelope(const message_ops& o, promise<R> p, Args&&... args)
      : own_envelope<M>(o, std::forward<Args>(args)...), reply(std::move(p)) {}

  /// The handler that has just run wants to have it again: there is no reply yet.
  bool is_stashed() const noexcept { return this->ops == &stashed_ops; }

  promise<R> reply;
};

/// One message for many receivers. Freed with the last reference.
template <class M>
struct shared_message : pooled {
  shared_message(M m, std::uint32_t receivers) : message(std::move(m)), refs(receivers) {}
  const M message;
  atomic<std::uint32_t> refs;

  void release() noexcept {
    if (refs.fetch_sub(1, acq_rel) == 1) delete this;
  }
};

template <class M>
struct shared_envelope : envelope {
  shared_envelope(const message_ops& o, shared_message<M>& s, delivery_gate* g) noexcept
      : envelope(o), shared(&s), gate(g) {}
  shared_message<M>* shared;
  delivery_gate* gate;  ///< outlives the envelope; null: none
};

}  // namespace troupe::detail
