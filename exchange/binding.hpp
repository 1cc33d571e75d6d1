#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <troupe/actors/delivery_gate.hpp>
#include <troupe/actors/ref.hpp>
#include <troupe/base/atomic.hpp>

namespace troupe {

namespace detail {
class backlog_base;
}

/// One subscriber bound to one exchange with one key. Routers see this; the exchange derives the typed one.
///
/// Changed under the exchange's mutex; read by publishers inside an epoch. Freed when no publisher can see it any more
/// and its actor has taken the last message that came through it.
struct binding {
  binding(any_ref to, std::string with_key) : subscriber(std::move(to)), key(std::move(with_key)) {}
  binding(const binding&) = delete;
  binding& operator=(const binding&) = delete;
  virtual ~binding() = default;

  /// The last message through this binding has been taken; called by the actor's slice.
  virtual void left(cell& c) noexcept { (void)c; }
  /// How many messages have begun to be handled that came through it; no more once its gate is closed. Any thread.
  virtual std::uint64_t deliveries() const noexcept { return gate.deliveries(); }
  /// Messages that its subscriber has yet to handle, and in `bytes` what they take; empty: they stand in the mailbox of
  /// that, among others. Under the exchange's mutex.
  virtual std::optional<std::uint64_t> lag(std::uint64_t& bytes) const noexcept {
    (void)bytes;
    return std::nullopt;
  }

  const any_ref subscriber;    ///< who gets the messages
  const std::string key;       ///< empty for kinds without keys
  detail::delivery_gate gate;  ///< closed by detaching
  unsigned handles = 0;        ///< subscriptions that share this binding
  unsigned inputs = 0;         ///< how many of them close the actor when the exchange ends
  std::uint32_t index = 0;     ///< where it stands in its binding_set
  /// Where its messages wait, if the subscriber has options of its own; set before it is bound, and outlives it.
  detail::backlog_base* backlog = nullptr;
};

/// The bindings that a message goes to together. Readers inside an epoch see one version; writers hold the exchange's
/// mutex. One binding stands for itself; more are in chunks, so that a change copies one chunk and a short array
/// however many there are, and the last chunk is no longer than what is in it.
class binding_set {
  static constexpr std::size_t chunk_size = 64;
  struct version {
    std::size_t size;
    binding*** chunks() noexcept { return reinterpret_cast<binding***>(this + 1); }  // as many as that takes
  };
  struct free_block;
  using version_block = std::unique_ptr<version, free_block>;
  using chunk_block = std::unique_ptr<binding*, free_block>;

public:
  binding_set() = default;
  ~binding_set();
  binding_set(const binding_set&) = delete;
  binding_set& operator=(const binding_set&) = delete;

  /// Adds a binding that is in no set. Under the exchange's mutex. Throws `std::bad_alloc`, and has not added it then.
  void add(binding& b);
  /// Takes out a binding of this set; those who read an older version may still see it until their epoch ends. Under
  /// the exchange's mutex. Throws `std::bad_alloc`.
  void remove(binding& b);

  /// One version of the set; valid inside the epoch in which it was read.
  class view {
  public:
    /// Number of bindings.
    std::size_t size() const noexcept {
      if (state_ == 0) return 0;
      return is_one() ? 1 : many()->size;
    }

    /// The binding at place `i` below `size()`.
    binding& operator[](std::size_t i) const noexcept {
      return is_one() ? *one() : *many()->chunks()[i / chunk_size][i % chunk_size];
    }

    /// Calls `visit(binding&)` for each.
    template <class Visit>
    void for_each(Visit visit) const {
      for (std::size_t i = 0, n = size(); i != n; ++i) visit((*this)[i]);
    }

  private:
    friend class binding_set;
    explicit view(std::uintptr_t state) noexcept : state_(state) {}
    bool is_one() const noexcept { return (state_ & 1) != 0; }
    binding* one() const noexcept { return reinterpret_cast<binding*>(state_ - 1); }
    version* many() const noexcept { return reinterpret_cast<version*>(state_); }

    std::uintptr_t state_;
  };

  /// The present version. Any thread inside an epoch, or under the exchange's mutex.
  view read() const noexcept { return view(state_.load(acquire)); }
  /// True if there are none now; as `read`.
  bool empty() const noexcept { return read().size() == 0; }

private:
  static std::size_t chunks_of(std::size_t size) noexcept { return (size + chunk_size - 1) / chunk_size; }
  static version_block make_version(std::size_t size);
  static chunk_block copy_of(binding* const* from, std::size_t n, std::size_t room);

  // 0: none. Odd: the address of the one binding, plus 1. Else the address of a version. The writer's release pairs
  // with the acquire in read().
  atomic<std::uintptr_t> state_{0};
};

}  // namespace troupe
