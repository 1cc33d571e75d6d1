#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include <troupe/base/error.hpp>
#include <troupe/exchange/detail/stream/functions.hpp>
#include <troupe/exchange/detail/stream/sink.hpp>

/// A chain of operators for each key. Internal; users see `stream`.
///
/// GB1. Which group is at work is known while anything can throw out of `push` and `complete`: a failure that its own
///      chain handles ends or restarts that group, and the stream goes on.
/// GB2. Groups stay where they are, in the order in which their keys came first, and are completed in that order.
namespace troupe {

template <class Source, class... Stages>
class stream;

namespace detail {

/// The source of the chain that `group_by` is given.
template <class In>
struct group_source {
  static constexpr bool over_ranges = false;
  static constexpr std::size_t inputs = 0;
  using item = In;
  template <class Sink>
  using program = void;  // it has none: what drives the whole stream drives the groups
};

template <class Make, class Key, class In>
constexpr auto group_chain_of() {
  if constexpr (std::is_invocable_v<Make&, const Key&, stream<group_source<In>>>)
    return std::type_identity<std::invoke_result_t<Make&, const Key&, stream<group_source<In>>>>{};
  else
    return std::type_identity<std::invoke_result_t<Make&, stream<group_source<In>>>>{};
}
template <class Make, class Key, class In>
using group_chain_t = typename decltype(group_chain_of<Make, Key, In>())::type;

template <class T>
inline constexpr bool is_group_chain = false;
template <class In, class... Stages>
inline constexpr bool is_group_chain<stream<group_source<In>, Stages...>> = true;

/// Where the groups come together again.
template <class Sink>
struct group_exit {
  explicit group_exit(Sink&& s) : sink(std::move(s)) {}
  Sink sink;
  bool stopped = false;
};

template <class In, class Sink>
class group_end : public stream_end {
public:
  static constexpr bool restarts = Sink::restarts;
  explicit group_end(group_exit<Sink>& e) noexcept : exit_(&e) {}
  bool push(In item) {
    exit_->stopped = exit_->stopped || !exit_->sink.push(static_cast<In>(item));
    return !exit_->stopped;
  }
  flow fail(std::exception_ptr why) { return exit_->sink.fail(std::move(why)); }

private:
  group_exit<Sink>* exit_;
};

template <class In, class KeyOf, class Make, class Next>
class group_by_sink {
  using key = std::remove_cvref_t<std::invoke_result_t<KeyOf&, const std::remove_cvref_t<In>&>>;
  using chain = group_chain_t<Make, key, In>;
  using end = group_end<typename chain::reference, Next>;
  using sink = typename chain::template sink_to<end>;

  struct group {
    explicit group(sink&& s) : first(std::move(s)) {}
    sink first;
    bool over = false;
  };

public:
  static constexpr bool restarts = Next::restarts;

  template <class Stage>
  group_by_sink(const Stage& s, Next&& next)
      : exit_(std::move(next)), key_of_(s.key_of), make_(s.make), limit_(s.limit) {}

  bool push(In item) {
    if (exit_.stopped) return false;
    group& g = group_of(std::invoke(key_of_, std::as_const(item)));
    if (g.over) return true;
    at_work_ = &g;
    const bool more = g.first.push(static_cast<In>(item));
    if (!more && !exit_.stopped) complete(g);
    at_work_ = nullptr;
    return !exit_.stopped;
  }

  void start(stream_clock& clock) {
    clock_ = &clock;
    exit_.sink.start(clock);
  }

  void complete() {
    for (group& g : groups_) {
      if (g.over) continue;
      at_work_ = &g;
      complete(g);
      at_work_ = nullptr;
    }
    exit_.sink.complete();
  }

  flow fail(std::exception_ptr why) {
    group* const g = std::exchange(at_work_, nullptr);
    if (!g) return exit_.sink.fail(std::move(why));
    at_work_ = g;  // what `fail` throws is this group's as well
    const flow next = g->first.fail(std::move(why));
    at_work_ = nullptr;
    return next;
  }

  bool wants() const { return !exit_.stopped && exit_.sink.wants(); }

  bool restart() {
    for (group& g : groups_) {
      if (!g.first.restart()) continue;
      g.over = false;
      return false;  // what stands in front of this has nothing to do with it
    }
    if (!exit_.sink.restart()) return false;
    reset();
    return true;
  }
  void reset_all() {
    reset();
    exit_.sink.reset_all();
  }

private:
  void reset() {
    at_work_ = nullptr;
    by_key_.clear();
    groups_.clear();
    exit_.stopped = false;
  }

  template <class K>
  group& group_of(K&& k) {
    const auto found = by_key_.find(k);
    if (found != by_key_.end()) return *found->second;
    if (groups_.size() == limit_)
      throw troupe_error(errc::full, "stream: group_by has " + std::to_string(limit_) +
                                         " groups and met another key; give it a higher limit, or a coarser key");
    group& fresh = groups_.emplace_back(make(k).sink_into(end(exit_)));
    by_key_.emplace(std::forward<K>(k), &fresh);
    if (clock_) fresh.first.start(*clock_);
    return fresh;
  }

  chain make(const key& k) {
    if constexpr (std::is_invocable_v<Make&, const key&, stream<group_source<In>>>)
      return std::invoke(make_, k, stream<group_source<In>>(group_source<In>{}));
    else
      return std::invoke(make_, stream<group_source<In>>(group_source<In>{}));
  }

  void complete(group& g) {
    g.first.complete();
    g.over = true;
  }

  group_exit<Next> exit_;
  [[no_unique_address]] KeyOf key_of_;
  [[no_unique_address]] Make make_;
  std::size_t limit_;
  map_of<key, group*> by_key_;
  std::deque<group> groups_;
  group* at_work_ = nullptr;
  stream_clock* clock_ = nullptr;
};

template <class KeyOf, class Make>
struct group_by_stage {
  KeyOf key_of;
  Make make;
  std::size_t limit;
  template <class In>
  using out =
      typename group_chain_t<Make, std::remove_cvref_t<std::invoke_result_t<KeyOf&, const std::remove_cvref_t<In>&>>,
                             In>::reference;
  template <class In, class Next>
  using sink = group_by_sink<In, KeyOf, Make, Next>;
};

}  // namespace detail
}  // namespace troupe
