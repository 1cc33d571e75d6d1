#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <model/atomic.hpp>

/// The memory of an execution: what each variable held, and which of it each thread may still read. After the views of
/// Kang, Hur, Lahav, Vafeiadis and Dreyer, "A promising semantics for relaxed-memory concurrency", POPL 2017, without
/// promises; seq_cst as in C++20 without fences.
///
/// Y1. The order of modification of a variable is the order of execution.
/// Y2. A view names for each variable the oldest value that may be read. A load may give that one or any later; what it
///     gives becomes the oldest. A store with release takes the view of its thread along; a load with acquire that
///     gives that value adds it to its own. A read-modify-write reads the newest value and hands on what came with it.
/// Y3. A seq_cst load gives nothing older than what a seq_cst operation has read or written.
/// Y4. A view holds a clock for each thread (vector clocks): an access to a plain variable, the making and the unmaking
///     of any variable must be ordered with all that conflict with it.
namespace troupe::model {

inline constexpr unsigned max_threads = 6;
inline constexpr unsigned max_locations = 96;

using clock_vector = std::array<std::uint16_t, max_threads>;

struct view {
  std::array<std::uint16_t, max_locations> oldest{};  // index into the history of each variable
  clock_vector clock{};

  void join(const view& other) noexcept;
};

class memory {
public:
  /// `choose(n)` decides between n values, the newest first; `fail` does not return.
  memory(std::function<unsigned(unsigned)> choose, std::function<void(std::string)> fail)
      : choose_(std::move(choose)), fail_(std::move(fail)) {}

  void reset(unsigned old_reads) noexcept;

  /// Whether that is the variable at this address.
  bool is(std::uint32_t id, const location* address) const noexcept {
    return id < used_ && variables_[id].address == address;
  }

  /// Accesses to the variables in this block have to be ordered as those to plain ones.
  void expect_ordered(const void* block, std::size_t bytes);

  // Each is an access by thread `t`.
  std::uint32_t make(unsigned t, const location* address, std::uint64_t bits);
  void unmake(unsigned t, std::uint32_t id);
  /// All variables in a block that is given back.
  void unmake(unsigned t, const void* block, std::size_t bytes);
  std::uint64_t load(unsigned t, std::uint32_t id, std::memory_order order, const source& where);
  void store(unsigned t, std::uint32_t id, std::uint64_t bits, std::memory_order order, const source& where);
  std::uint64_t newest(unsigned t, std::uint32_t id, const source& where);
  void modify(unsigned t, std::uint32_t id, std::uint64_t bits, std::memory_order order);
  bool compare_exchange(unsigned t, std::uint32_t id, std::uint64_t& expected, std::uint64_t desired,
                        std::memory_order success, std::memory_order failure, const source& where);
  void read_plain(unsigned t, std::uint32_t id, const source& where);
  void write_plain(unsigned t, std::uint32_t id, const source& where);

  /// A thread begins where another one is, or goes on knowing what another one has done.
  void fork(unsigned from, unsigned to);
  void join(unsigned from, unsigned to) { views_[to].join(views_[from]); }

private:
  struct message {
    std::uint64_t bits;
    int view;  // that came with it; -1: none
  };
  struct variable {
    const location* address = nullptr;
    std::vector<message> history;
    std::uint16_t oldest_seq_cst = 0;  // Y3
    unsigned maker = 0;
    std::uint16_t made_at = 0;
    bool gone = false;
    bool in_order = false;  // by `expect_ordered`
    clock_vector reads{};   // when each thread last did; for an atomic every operation is a read
    clock_vector writes{};
  };

  /// The variable, in life and seen to be made.
  variable& at(unsigned t, std::uint32_t id, const source& where);
  std::uint64_t take(unsigned t, std::uint32_t id, std::size_t index, std::memory_order order);
  void append(unsigned t, std::uint32_t id, std::uint64_t bits, std::memory_order order, int came_with);
  void check_read(unsigned t, std::uint32_t id, const source& where);
  void check_write(unsigned t, std::uint32_t id, const source& where);
  bool ordered(unsigned t, const clock_vector& accesses) const noexcept;
  int keep(const view& v);
  void tick(unsigned t) noexcept { ++views_[t].clock[t]; }

  std::function<unsigned(unsigned)> choose_;
  std::function<void(std::string)> fail_;
  std::array<view, max_threads> views_;
  std::vector<variable> variables_;  // of which the first `used_` are in use
  std::size_t used_ = 0;
  std::vector<view> kept_;
  unsigned old_reads_ = 0;
};

}  // namespace troupe::model
