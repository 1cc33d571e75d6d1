#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include <troupe/base/result.hpp>
#include <troupe/exchange/binding.hpp>
#include <troupe/exchange/kinds.hpp>

namespace troupe {

/// Where one message goes: what a router fills in. Reused by a thread from one publish to the next; valid inside the
/// epoch in which it was filled.
class route {
public:
  /// All bindings of a set; sets of one route may overlap in their subscribers.
  void add(binding_set::view set) {
    if (set.size() != 0) sets_.push_back(set);
  }
  /// One binding.
  void add(binding& b) { single_ = &b; }

  /// Calls `deliver(binding&)` once for each subscriber; `count` tells how many before the first.
  template <class Count, class Deliver>
  void finish(Count count, Deliver deliver) {
    if (single_) {
      count(std::size_t{1});
      deliver(*single_);
    } else if (sets_.size() == 1) {
      count(sets_.front().size());
      sets_.front().for_each(deliver);
    } else if (!sets_.empty()) {
      merge();
      count(merged_.size());
      for (binding* b : merged_) deliver(*b);
    } else {
      count(std::size_t{0});
    }
  }

  /// Forgets everything, for the next message.
  void clear() noexcept {
    single_ = nullptr;
    sets_.clear();
    merged_.clear();
  }

private:
  void merge();
  /// True the first time that it is asked for this subscriber since `merge` began.
  bool is_new(const cell* subscriber) noexcept;

  /// A place in a hash set of subscribers: taken if it is of this merge.
  struct mark {
    const cell* subscriber;
    std::uint64_t merge;
  };

  binding* single_ = nullptr;
  std::vector<binding_set::view> sets_;
  std::vector<binding*> merged_;
  std::vector<mark> marks_;
  std::uint64_t merges_ = 0;
};

/// Decides which bindings a key reaches: one class for each kind of exchange, one file a class.
///
/// `bind` and `unbind` are called under the exchange's mutex; `find` by any thread inside an epoch, at the same time.
class router {
public:
  virtual ~router() = default;

  /// Whether one can bind with this key; the error says what is wrong with it.
  virtual result<void> check(std::string_view key) const {
    (void)key;
    return {};
  }
  /// Messages reach this binding from now on. Its key has passed `check`. Throws `std::bad_alloc`, and has not bound it
  /// then.
  virtual void bind(binding& b) = 0;
  /// No message finds this binding from now on; publishers inside an epoch may still hold it.
  virtual void unbind(binding& b) = 0;
  /// Adds to `to` all bindings that a message with this key reaches.
  virtual void find(std::string_view key, route& to) const = 0;
  /// Whether a message with this key reaches a binding with that one, given that the kind goes by keys: what a replay
  /// asks. Any thread.
  virtual bool matches(std::string_view bound, std::string_view key) const {
    (void)bound, (void)key;
    return true;
  }
};

/// One router of each kind, by its name.
std::unique_ptr<router> make_direct_router();
std::unique_ptr<router> make_topic_router();
std::unique_ptr<router> make_work_queue_router();

/// The router of a kind that has keys or turns; fanout has none, see detail/broadcast.hpp.
std::unique_ptr<router> make_router(exchange_kind kind);

}  // namespace troupe
