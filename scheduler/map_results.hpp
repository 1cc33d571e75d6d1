#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <exception>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include <troupe/scheduler/future.hpp>
#include <troupe/scheduler/task.hpp>

namespace troupe {

/// What `executor::map` gives: the results in the order of the elements, each when it is there. Belongs to one party;
/// move only. Jobs that have not begun when it goes are cancelled.
///
/// As in Python, whatever is thrown out of the loop or out of `get` ends it: what has not begun is cancelled, and no
/// more results follow. So does an error of a whole job, such as `timeout`, wherever it is read. `next` and `next_now`
/// go on behind an exception of `f`, which has its place among the results.
///
///     for (double x : pool.map(f, inputs)) ...                   on OS threads; an exception of `f` comes out at its
///                                                                place as it is, any other error as `troupe_error`
///     while (auto x = co_await results.next()) ...               in green threads and handlers; and `next_now` on OS
///                                                                threads: a `result`, `closed` after the last
template <class R>
class [[nodiscard]] map_results {
  using chunk = std::vector<result<R>>;

public:
  /// Internal; users get it from `executor::map`.
  map_results(scheduler& home, std::chrono::nanoseconds timeout)
      : home_(&home), deadline_(timeout == forever ? timers::never : deadline_after(home.now(), timeout)) {}
  map_results(map_results&&) = default;
  map_results& operator=(map_results&&) = delete;
  ~map_results() { cancel_rest(); }

  /// Internal.
  void add(detail::future_state<std::vector<result<R>>>* c) { chunks_.push_back(c); }

  /// The next result: `crashed` with the text where `f` threw, which the next call goes on behind; the error of a job
  /// that has no results, such as `timeout`, which is the last; `closed` after the last.
  task<result<R>> next() {
    while (needs_chunk()) {
      auto arrived = take_chunk();
      auto opened = co_await arrived;
      open(arrived, std::move(opened));
    }
    co_return take();
  }

  /// The same; blocks the calling OS thread.
  result<R> next_now() {
    while (needs_chunk()) {
      auto arrived = take_chunk();
      open(arrived, arrived.get());
    }
    return take();
  }

  /// All of them, in order; blocks the calling OS thread. Throws the first exception of `f` as it is, any other error
  /// as `troupe_error`.
  std::vector<R> get() {
    std::vector<R> all;
    for (R& r : *this) all.push_back(std::move(r));
    return all;
  }

  /// Goes through the results once.
  class iterator {
  public:
    using iterator_category = std::input_iterator_tag;
    using iterator_concept = std::input_iterator_tag;
    using value_type = R;
    using difference_type = std::ptrdiff_t;
    using pointer = R*;
    using reference = R&;

    explicit iterator(map_results& from) : from_(&from) { ++*this; }
    R& operator*() const { return *from_->current_; }
    R* operator->() const { return &*from_->current_; }
    iterator& operator++() {
      from_->advance();
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const { return !from_->current_; }

  private:
    map_results* from_;
  };
  iterator begin() { return iterator(*this); }
  std::default_sentinel_t end() const noexcept { return {}; }

private:
  bool needs_chunk() const noexcept { return at_ == open_.size() && !chunks_.empty(); }

  future<chunk> take_chunk() {
    detail::future_state<chunk>* const first = chunks_.front();
    chunks_.pop_front();
    if (deadline_ == timers::never) return future<chunk>(first);
    return future<chunk>(first, std::chrono::nanoseconds(deadline_ - home_->now()));
  }
  void open(future<chunk>& from, result<chunk> c) {
    at_ = 0;
    open_.clear();
    if (c) {
      open_ = std::move(*c);
      return;
    }
    // One error in place of several results: what came later would no longer match the elements.
    from.cancel();
    cancel_rest();
    open_.emplace_back(c.error());
  }
  void cancel_rest() noexcept {
    for (auto* c : chunks_) future<chunk>(c).cancel();
    chunks_.clear();
  }
  result<R> take() {
    if (at_ == open_.size()) return error(errc::closed, "the results of a map have all been taken");
    return std::move(open_[at_++]);
  }
  void advance() {
    current_.reset();
    if (at_ == open_.size() && chunks_.empty()) return;
    result<R> r = next_now();
    if (!r) {
      cancel_rest();
      at_ = open_.size();
      if (r.error().cause()) std::rethrow_exception(r.error().cause());
    }
    current_.emplace(std::move(r).value());
  }

  scheduler* home_;
  std::int64_t deadline_;
  std::deque<detail::future_state<chunk>*> chunks_;  // the readers' ends of those that have not been opened
  chunk open_;                                       // the chunk that is being read
  std::size_t at_ = 0;
  std::optional<R> current_;
};

}  // namespace troupe
