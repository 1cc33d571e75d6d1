#pragma once

#include <time.h>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <source_location>
#include <type_traits>

/// What stands behind the seam of base/atomic.hpp in the model build: atomics whose every operation is a point where
/// the explorer may let another thread go on, and whose loads may give old values as far as the orderings allow.
///
/// Everything here is for the threads of an exploration (explorer.hpp). Outside of one an atomic is a plain variable.
namespace troupe::model {

using source = std::source_location;

/// What the explorer keeps for each variable.
struct location {
  std::uint64_t bits = 0;       ///< the newest value
  std::uint32_t id = 0;         ///< within the execution
  std::uint32_t execution = 0;  ///< in which it was made; of another one, the id means nothing
};

// --- what the templates below are made of; memory.cpp has them -------------------------------------------------------

void made(location& l) noexcept;
void unmade(location& l) noexcept;
std::uint64_t load(location& l, std::memory_order order, const source& where) noexcept;
void store(location& l, std::uint64_t bits, std::memory_order order, const source& where) noexcept;
/// A read-modify-write is `begin_modify`, which gives the newest value, and `end_modify` with nothing in between.
std::uint64_t begin_modify(location& l, const source& where) noexcept;
void end_modify(location& l, std::uint64_t bits, std::memory_order order, const source& where) noexcept;
bool compare_exchange(location& l, std::uint64_t& expected, std::uint64_t desired, std::memory_order success,
                      std::memory_order failure, const source& where) noexcept;
void read_plain(location& l, const source& where) noexcept;
void write_plain(location& l, const source& where) noexcept;

/// The calling thread spins: it goes on when another one has changed something.
void relax() noexcept;

/// Whether the change of the code with this number is to be made; the mutants of mutants.txt ask.
bool mutant(int number) noexcept;

template <class T>
class atomic;

/// The system call as the parker makes it, FUTEX_WAIT_BITSET and FUTEX_WAKE: a wait with a deadline may end at any
/// time.
long futex(atomic<std::uint32_t>& word, int operation, std::uint32_t value, const timespec* deadline) noexcept;

/// The atomic of the model: the members of `std::atomic` that Troupe uses.
template <class T>
class atomic {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= sizeof(std::uint64_t));

public:
  using value_type = T;

  atomic() noexcept : atomic(T{}) {}
  atomic(T value) noexcept {
    at_.bits = bits_of(value);
    made(at_);
  }
  atomic(const atomic&) = delete;
  atomic& operator=(const atomic&) = delete;
  ~atomic() { unmade(at_); }

  T load(std::memory_order order = std::memory_order_seq_cst, source where = source::current()) const noexcept {
    return value_of(model::load(at_, order, where));
  }

  void store(T value, std::memory_order order = std::memory_order_seq_cst, source where = source::current()) noexcept {
    model::store(at_, bits_of(value), order, where);
  }

  T exchange(T value, std::memory_order order = std::memory_order_seq_cst, source where = source::current()) noexcept {
    return modify([value](T) { return value; }, order, where);
  }

  T fetch_add(T by, std::memory_order order = std::memory_order_seq_cst, source where = source::current()) noexcept {
    return modify([by](T old) { return static_cast<T>(old + by); }, order, where);
  }

  T fetch_sub(T by, std::memory_order order = std::memory_order_seq_cst, source where = source::current()) noexcept {
    return modify([by](T old) { return static_cast<T>(old - by); }, order, where);
  }

  T fetch_or(T by, std::memory_order order = std::memory_order_seq_cst, source where = source::current()) noexcept {
    return modify([by](T old) { return static_cast<T>(old | by); }, order, where);
  }

  T fetch_and(T by, std::memory_order order = std::memory_order_seq_cst, source where = source::current()) noexcept {
    return modify([by](T old) { return static_cast<T>(old & by); }, order, where);
  }

  bool compare_exchange_strong(T& expected, T desired, std::memory_order success, std::memory_order failure,
                               source where = source::current()) noexcept {
    std::uint64_t bits = bits_of(expected);
    const bool done = compare_exchange(at_, bits, bits_of(desired), success, failure, where);
    if (!done) expected = value_of(bits);
    return done;
  }

  /// As the standard has it, a failure has the ordering of the load in `order`.
  bool compare_exchange_strong(T& expected, T desired, std::memory_order order = std::memory_order_seq_cst,
                               source where = source::current()) noexcept {
    const auto failure = order == std::memory_order_acq_rel   ? std::memory_order_acquire
                         : order == std::memory_order_release ? std::memory_order_relaxed
                                                              : order;
    return compare_exchange_strong(expected, desired, order, failure, where);
  }

  /// Never fails without a reason.
  bool compare_exchange_weak(T& expected, T desired, std::memory_order success, std::memory_order failure,
                             source where = source::current()) noexcept {
    return compare_exchange_strong(expected, desired, success, failure, where);
  }

private:
  friend long futex(atomic<std::uint32_t>&, int, std::uint32_t, const timespec*) noexcept;

  static std::uint64_t bits_of(T value) noexcept {
    std::uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof value);
    return bits;
  }
  static T value_of(std::uint64_t bits) noexcept {
    T value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
  }

  template <class Change>
  T modify(Change change, std::memory_order order, const source& where) noexcept {
    const T old = value_of(begin_modify(at_, where));
    end_modify(at_, bits_of(change(old)), order, where);
    return old;
  }

  mutable location at_;
};

/// A variable that is no atomic: two accesses, one of them a write, that nothing orders are a failure of the program.
template <class T>
class plain {
public:
  plain() : plain(T{}) {}
  plain(T value) : value_(value) { made(at_); }
  plain(const plain&) = delete;
  plain& operator=(const plain&) = delete;
  ~plain() { unmade(at_); }

  T get(source where = source::current()) const noexcept {
    read_plain(at_, where);
    return value_;
  }
  void set(T value, source where = source::current()) noexcept {
    write_plain(at_, where);
    value_ = value;
  }

private:
  mutable location at_;
  T value_;
};

}  // namespace troupe::model
