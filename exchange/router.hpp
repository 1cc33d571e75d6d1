#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include <troupe/base/result.hpp>
#include <troupe/exchange/binding.hpp>
#include <troupe/exchange/kinds.hpp>
#include <troupe/exchange/message_headers.hpp>

namespace troupe {

namespace detail {
struct death;
}

/// What a router gets to know of a message.
struct routing_facts {
  routing_facts() = default;
  template <std::convertible_to<std::string_view> K>
  routing_facts(const K& k, const message_headers* h = nullptr) noexcept : key(k), headers(h) {}
  std::string_view key;  ///< given to `publish`, or that of `key_of(message)`; empty if there is none
  const message_headers* headers = nullptr;  ///< the same of headers, for kinds that go by them; null if there are none
  /// Internal: of a dead letter, where it has become one; null if it is none.
  const std::vector<detail::death>* died = nullptr;
};

/// Where one message goes: what a router fills in. Reused by a thread from one publish to the next; valid inside the
/// epoch in which it was filled.
class route {
public:
  /// All bindings of a set; sets of one route may overlap in their subscribers.
  void add(binding_set::view set) {
    if (set.size() != 0) sets_.push_back(set);
  }
  /// One binding.
  void add(binding& b) { ones_.push_back(&b); }

  /// Calls `deliver(binding&)` once for each subscriber; `count` tells how many before the first.
  template <class Count, class Deliver>
  void finish(Count count, Deliver deliver) {
    if (sets_.empty() && ones_.size() == 1) {
      count(std::size_t{1});
      deliver(*ones_.front());
    } else if (sets_.size() == 1 && ones_.empty()) {
      count(sets_.front().size());
      sets_.front().for_each(deliver);
    } else if (!sets_.empty() || !ones_.empty()) {
      merge();
      count(merged_.size());
      for (binding* b : merged_) deliver(*b);
    } else {
      count(std::size_t{0});
    }
  }

  /// Calls `visit(binding&)` for all that was added, also several times for one subscriber.
  template <class Visit>
  void each(Visit visit) const {
    for (const auto& set : sets_) set.for_each(visit);
    for (binding* b : ones_) visit(*b);
  }

  /// Forgets everything, for the next message.
  void clear() noexcept {
    sets_.clear();
    ones_.clear();
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

  std::vector<binding_set::view> sets_;
  std::vector<binding*> ones_;
  std::vector<binding*> merged_;
  std::vector<mark> marks_;
  std::uint64_t merges_ = 0;
};

/// Decides which bindings a message reaches: one class for each kind of exchange, one file a class. Users can add one:
/// see `exchange_kind`.
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
  /// Adds to `to` all bindings that a message of which this is known reaches.
  virtual void find(const routing_facts& by, route& to) const = 0;
  /// Whether such a message reaches a binding with the key `bound`, as far as keys and headers decide: what a replay
  /// asks. Any thread.
  virtual bool matches(std::string_view bound, const routing_facts& by) const {
    (void)bound, (void)by;
    return true;
  }
};

}  // namespace troupe
