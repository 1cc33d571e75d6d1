#pragma once

#include <chrono>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <ranges>
#include <string>
#include <utility>
#include <vector>

#include <troupe/base/intrusive_list.hpp>
#include <troupe/base/spin_lock.hpp>
#include <troupe/scheduler/future.hpp>
#include <troupe/scheduler/wait.hpp>

// Waiting for several futures at once, as Python's concurrent.futures does: `wait` and `as_completed`.
//
// FS1. A future's completion is a member of its set from the set's making to its end. The set goes when each has been
//      taken back, or has been told to the end (`told`).
// FS2. What a set knows of its members is guarded by its lock; whoever tells it grants the wait under that lock, and
//      resumes the party after he has let go of the set.
// FS3. A set touches the state of a future only before the caller may have it back: one that `as_completed` has given
//      may be gone at once, so a member that is `counted` leaves its state alone; `wait` closes its set before it says
//      anything, and until then whoever tells it may look at the state.
namespace troupe {

/// What `wait` waits for.
enum class return_when : std::uint8_t {
  first_completed,  ///< one of the futures is done
  first_exception,  ///< one of them has failed, or all are done
  all_completed,    ///< all are done
};
using enum return_when;

/// What `wait` found, as positions in the range that it was given, in its order.
struct waited_futures {
  std::vector<std::size_t> done;
  std::vector<std::size_t> not_done;
};

namespace detail {

[[noreturn]] void refuse_empty_future(std::size_t place);

class future_set {
public:
  future_set(const future_set&) = delete;
  future_set& operator=(const future_set&) = delete;

  std::size_t size() const noexcept { return size_; }

protected:
  class member final : public completion, public list_hook<> {
  public:
    void completed() noexcept override;

    future_set* set = nullptr;
    future_state_base* state = nullptr;
    std::size_t position = 0;
    bool counted = false;      // the set knows that it is done; under the lock
    atomic<bool> told{false};  // nobody tells the set any more; who has done so releases it to the acquire of its end
  };

  explicit future_set(std::size_t size) : members_(std::make_unique<member[]>(size)), size_(size) {}
  ~future_set() = default;

  /// From now on the set is told of all futures of the range; last in the constructor of what can be told.
  template <class R>
  void open(R& futures) {
    std::size_t position = 0;
    for (auto& f : futures) {
      if (!f.valid()) refuse_empty_future(position);
      members_[position].set = this;
      members_[position].state = &state_of<typename std::remove_cvref_t<decltype(f)>::value_type>(f);
      members_[position].position = position;
      ++position;
    }
    // Different elements of an array are different futures; other ranges may show one of them twice.
    if constexpr (!std::ranges::contiguous_range<R>) require_different();
    open();
  }

  /// It is not any more; first in the destructor. May be called before that too.
  void close() noexcept;

  /// `m` is done; under the lock.
  virtual void count(member& m, wake_list& woken) noexcept = 0;

  spin_lock lock_;
  wait_line line_;
  std::unique_ptr<member[]> members_;
  std::size_t size_;

private:
  void require_different() const;
  void open() noexcept;
};

/// A set that waits until enough are done.
class joined_futures : public future_set {
public:
  joined_futures(std::size_t size, return_when when) : future_set(size), when_(when) {}

  struct request {
    joined_futures* set;

    spin_lock& guard() const noexcept { return set->lock_; }
    bool try_fast(const void*) const noexcept { return false; }
    bool try_locked(wait_node& n) const noexcept {
      if (set->enough()) return true;
      set->line_.push(n);
      return false;
    }
    void give_back() const noexcept {}
    void left(wake_list&) const noexcept {}
    result<waited_futures> finish(const wait_end& how) const;
  };

protected:
  ~joined_futures() = default;

private:
  bool enough() const noexcept;
  void count(member& m, wake_list& woken) noexcept override;

  return_when when_;
  std::size_t done_ = 0;
  bool failed_ = false;
};

/// A set that gives its members as they are done.
class arriving_futures : public future_set {
public:
  using future_set::future_set;

  struct request {
    arriving_futures* set;
    std::size_t position = 0;

    spin_lock& guard() const noexcept { return set->lock_; }
    bool try_fast(const void*) const noexcept { return false; }
    bool try_locked(wait_node& n) noexcept;
    void give_back() const noexcept;
    void left(wake_list&) const noexcept {}
    result<std::size_t> finish(const wait_end& how) const;
  };

protected:
  ~arriving_futures() = default;

private:
  void count(member& m, wake_list& woken) noexcept override;
  bool take(std::size_t& position) noexcept;

  intrusive_list<member> done_;  // and not given
  std::size_t given_ = 0;
};

}  // namespace detail

/// What `wait` returns: `get()` it on an OS thread, `co_await` it in a green thread or a handler. Belongs to whoever
/// made it; the futures stay where they are until the wait is over, and nobody else waits for them.
class [[nodiscard]] futures_wait final : detail::joined_futures {
public:
  /// Internal; users call `wait`.
  template <class R>
  futures_wait(R& futures, return_when when, std::chrono::nanoseconds timeout)
      : joined_futures(static_cast<std::size_t>(std::ranges::distance(futures)), when), wait_({this}, timeout) {
    open(futures);
  }
  ~futures_wait() { close(); }

  /// Blocks the calling OS thread. When the time is over, it says what is done until then.
  result<waited_futures> get() { return wait_.get(); }
  auto operator co_await() noexcept { return wait_.operator co_await(); }

private:
  operation<request> wait_;
};

/// Waits for some or all of the futures of a range, at most for a time; what is done and what is not comes out as
/// positions. Takes no result.
///
///     auto some = wait(futures, first_completed, 1s).get();
///     for (std::size_t i : some->done) use(futures[i].get());
///
/// Errors: `cancelled`, `deadlock`, `would_deadlock`; the end of the time is none. Throws `troupe_error` for a future
/// that stands for nothing, and `std::bad_alloc`.
template <std::ranges::forward_range R>
futures_wait wait(R& futures, return_when when = all_completed, std::chrono::nanoseconds timeout = forever) {
  return futures_wait(futures, when, timeout);
}

/// The futures of a range in the order in which they are done. On OS threads:
///
///     for (future<int>& f : as_completed(futures)) use(f.get());
///
/// and in green threads and handlers:
///
///     auto some = as_completed(futures);
///     for (auto i = co_await some.next(); i; i = co_await some.next()) use(futures[*i].get());
///
/// The range stays while this is there, and nobody else waits for its futures; one that was given may be moved away.
template <std::ranges::random_access_range R>
class [[nodiscard]] as_completed final : detail::arriving_futures {
public:
  using future_type = std::remove_cvref_t<std::ranges::range_reference_t<R>>;

  /// Throws `troupe_error` for a future that stands for nothing, and `std::bad_alloc`.
  explicit as_completed(R& futures)
      : arriving_futures(static_cast<std::size_t>(std::ranges::distance(futures))), futures_(&futures) {
    open(futures);
  }
  ~as_completed() { close(); }

  /// The position of the next that is done: `co_await` it or `get()` it. Errors: `closed` once all have been given;
  /// `timeout`, `cancelled`, `deadlock`, `would_deadlock`.
  operation<request> next(std::chrono::nanoseconds timeout = forever) {
    return operation<request>(request{this}, timeout);
  }

  /// Walks over the futures on an OS thread, which blocks at each step; an error of the wait is thrown as
  /// `troupe_error`.
  class iterator {
  public:
    using iterator_category = std::input_iterator_tag;
    using value_type = future_type;
    using difference_type = std::ptrdiff_t;
    using pointer = future_type*;
    using reference = future_type&;

    future_type& operator*() const { return (*set_->futures_)[static_cast<difference_type>(at_)]; }
    iterator& operator++() {
      step();
      return *this;
    }
    void operator++(int) { step(); }
    friend bool operator==(const iterator& i, std::default_sentinel_t) noexcept { return i.over_; }

  private:
    friend as_completed;
    explicit iterator(as_completed& set) : set_(&set) { step(); }

    void step() {
      auto i = set_->next().get();
      over_ = !i && i.error() == errc::closed;
      if (!over_) at_ = i.value();
    }

    as_completed* set_;
    std::size_t at_ = 0;
    bool over_ = false;
  };

  iterator begin() { return iterator(*this); }
  std::default_sentinel_t end() const noexcept { return {}; }

private:
  R* futures_;
};

}  // namespace troupe
