#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <troupe/actors/delivery_gate.hpp>
#include <troupe/actors/ref.hpp>
#include <troupe/base/atomic.hpp>

namespace troupe {

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

  const any_ref subscriber;    ///< who gets the messages
  const std::string key;       ///< empty for kinds without keys
  detail::delivery_gate gate;  ///< closed by detaching
  unsigned handles = 0;        ///< subscriptions that share this binding
  unsigned inputs = 0;         ///< how many of them close the actor when the exchange ends
  std::size_t index = 0;       ///< where it stands in its binding_set
};

/// The bindings that a message goes to together, in chunks, so that a change copies one chunk and a short array however
/// many there are. Readers inside an epoch see one version; writers hold the exchange's mutex.
class binding_set {
  static constexpr std::size_t chunk_size = 64;
  using chunk = std::array<binding*, chunk_size>;
  struct version {
    std::size_t size = 0;
    std::vector<chunk*> chunks;
  };

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
    std::size_t size() const noexcept { return version_ ? version_->size : 0; }

    /// The binding at place `i` below `size()`.
    binding& operator[](std::size_t i) const noexcept { return *(*version_->chunks[i / chunk_size])[i % chunk_size]; }

    /// Calls `visit(binding&)` for each.
    template <class Visit>
    void for_each(Visit visit) const {
      for (std::size_t i = 0, n = size(); i != n; ++i) visit((*this)[i]);
    }

  private:
    friend class binding_set;
    explicit view(const version* v) noexcept : version_(v) {}
    const version* version_;
  };

  /// The present version. Any thread inside an epoch, or under the exchange's mutex.
  view read() const noexcept { return view(current_.load(acquire)); }
  /// True if there are none now; as `read`.
  bool empty() const noexcept { return read().size() == 0; }

private:
  /// A copy of the current version in which chunk `c` may be written to.
  version* edit(std::size_t c) const;
  void replace(version* next, std::size_t changed) noexcept;
  /// Gives up the last chunk if it is empty.
  void trim();

  atomic<version*> current_{nullptr};  // the writer's release pairs with the acquire in read()
};

}  // namespace troupe
