#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <troupe/actors/detail/last_words.hpp>
#include <troupe/actors/runtime.hpp>
#include <troupe/base/splitmix.hpp>

// Routers: one address for several actors of a class.
//
// RT1. A member that has ended is gone from the list before its end is told: its end hook takes it out.
// RT2. The list is copied under the mutex, and what is sent is sent outside of it.
// RT3. It keeps the core alive, as a reference does: whoever has a router may use it after the runtime has gone.

namespace troupe {

/// To which of its members a router sends a message.
enum class routing : std::uint8_t {
  round_robin,      ///< to one after the other
  random,           ///< to any; a deterministic runtime draws from its seed
  least_loaded,     ///< to the one with the fewest messages of this router that it has not come to, as far as is known
  broadcast,        ///< to all, a copy each
  consistent_hash,  ///< to the one that the key of the message belongs to; few keys move when members come or go
  scatter_gather_first,  ///< to all, a copy each; the first answer counts
};

namespace detail {

/// A message whose key is found by `hash_key(message)`, next to its type.
template <class M>
concept has_hash_key = requires(const M& m) {
  { hash_key(m) } -> std::convertible_to<std::uint64_t>;
};

template <class M>
std::uint64_t key_of(const M& m) {
  if constexpr (has_hash_key<M>)
    return hash_key(m);
  else
    return 0;
}

template <class A>
class router_state final : public std::enable_shared_from_this<router_state<A>> {
public:
  router_state(core& k, routing r) : how(r), core_(&k), keep_(k.lease()), drawn_(splitmix(k.seed() + 1)) {}

  void add(const ref<A>& a) {
    auto h = std::make_shared<hook>(this->weak_from_this());
    {
      std::lock_guard guard(mutex_);
      if (find(*a.get_cell()) != members_.end()) return;
      members_.push_back({a, h, a.get_cell()->handled()});
    }
    a.get_cell()->add_end_hook(std::move(h));
  }

  bool remove(cell& c) {
    std::shared_ptr<hook> h;
    {
      std::lock_guard guard(mutex_);
      const auto at = find(c);
      if (at == members_.end()) return false;
      h = std::move(at->end);
      members_.erase(at);
    }
    c.remove_end_hook(*h);
    return true;
  }

  std::vector<ref<A>> members() const {
    std::vector<ref<A>> all;
    std::lock_guard guard(mutex_);
    for (const member& m : members_) all.push_back(m.who);
    return all;
  }

  /// What runs the actors; whether or not the runtime is there.
  troupe::scheduler& scheduler() const noexcept { return core_->scheduler(); }

  /// One of them; stands for nobody if there is none.
  ref<A> pick(std::uint64_t key) {
    std::lock_guard guard(mutex_);
    if (members_.empty()) return {};
    switch (how) {
      case routing::random: return members_[splitmix(++drawn_ * splitmix_step) % members_.size()].who;
      case routing::least_loaded: return least_loaded().who;
      case routing::consistent_hash: return owner_of(key).who;
      default: return members_[next_++ % members_.size()].who;
    }
  }

  const routing how;

private:
  class hook final : public end_hook {
  public:
    explicit hook(std::weak_ptr<router_state> r) : router_(std::move(r)) {}
    void actor_ended(cell& c) noexcept override {
      if (const auto r = router_.lock()) r->remove(c);
    }

  private:
    std::weak_ptr<router_state> router_;
  };

  struct member {
    ref<A> who;
    std::shared_ptr<hook> end;
    std::uint32_t expected;  // what its count of handled messages is when it has come to all that was sent from here
  };

  auto find(const cell& c) {
    return std::find_if(members_.begin(), members_.end(), [&](const member& m) { return m.who.get_cell() == &c; });
  }

  member& least_loaded() {
    member* best = nullptr;
    std::uint32_t least = 0;
    const std::size_t first = next_++;
    for (std::size_t i = 0; i != members_.size(); ++i) {
      member& m = members_[(first + i) % members_.size()];
      const cell& c = *m.who.get_cell();
      const std::uint32_t done = c.handled();
      // One that waits has come to all; and one that has handled more than that has others who send to it.
      if (c.waits_for_message() || static_cast<std::int32_t>(m.expected - done) < 0) m.expected = done;
      const std::uint32_t load = m.expected - done;
      if (!best || load < least) best = &m, least = load;
    }
    ++best->expected;
    return *best;
  }

  /// Rendezvous hashing (Thaler and Ravishankar, 1998): the member whose hash with the key is greatest.
  member& owner_of(std::uint64_t key) {
    const auto weight = [&](const member& m) { return splitmix(key ^ splitmix(m.who.id() * splitmix_step)); };
    return *std::max_element(members_.begin(), members_.end(),
                             [&](const member& a, const member& b) { return weight(a) < weight(b); });
  }

  core* core_;
  std::shared_ptr<void> keep_;  // RT3
  mutable std::mutex mutex_;
  std::vector<member> members_;
  std::size_t next_ = 0;
  std::uint64_t drawn_;
};

/// Where the first answer of several goes, or the last error.
template <class R>
struct gathering {
  gathering(promise<R> to, std::size_t n) : reply(std::move(to)), left(n) {}
  /// Where there is no answer yet the shutdown has ended those who wait for them.
  ~gathering() {
    const auto text = [] { return "the runtime has been shut down before a member of the router had answered"; };
    if (reply) reply.fail(error_saying(errc::shutdown, text));
  }
  gathering(const gathering&) = delete;
  gathering& operator=(const gathering&) = delete;

  std::mutex mutex;
  promise<R> reply;  // under the mutex, as is the next
  std::size_t left;
};

template <class R>
task<> gather(std::shared_ptr<gathering<R>> out, future<R> answer) {
  result<R> r = co_await answer;
  std::unique_lock lock(out->mutex);
  const bool last = --out->left == 0;
  if (!out->reply || (!r && !last)) co_return;
  promise<R> p = std::move(out->reply);
  lock.unlock();
  if (r)
    p.give(std::move(r));
  else
    p.fail(r.error());
}

}  // namespace detail

/// Sends to one of several actors of class A, or to all. Members that end leave it. Dropping it ends none of them.
/// Copies stand for the same router. Any thread, and also after the end of the runtime, as with references.
template <class A>
class actor_router {
public:
  actor_router(runtime& rt, routing how, const std::vector<ref<A>>& members = {})
      : state_(std::make_shared<detail::router_state<A>>(rt.core(), how)) {
    for (const ref<A>& m : members) add(m);
  }

  /// Twice is once.
  void add(const ref<A>& member) const { state_->add(member); }
  /// False if it is none of the members.
  bool remove(const any_ref& member) const { return state_->remove(*member.get_cell()); }
  std::vector<ref<A>> members() const { return state_->members(); }

  /// Sends a message, and says to how many: 0 if there is no member. With `consistent_hash` the message's type has a
  /// function `std::uint64_t hash_key(const M&)` next to it.
  template <class M>
  std::size_t send(M&& message) const {
    using message_type = std::remove_cvref_t<M>;
    detail::require_handler<A, message_type>();
    if (to_all()) {
      if constexpr (std::is_copy_constructible_v<message_type>) {
        const auto all = state_->members();
        for (const ref<A>& m : all) m.send(message_type(message));
        return all.size();
      } else {
        throw troupe_error(errc::invalid_argument, "a router that sends to all needs messages that can be copied");
      }
    }
    const ref<A> to = state_->pick(key(message));
    if (!to) return 0;
    to.send(std::forward<M>(message));
    return 1;
  }

  /// Asks one of the members, by its routing; with `scatter_gather_first` all of them, and gives the first answer, or
  /// the last error. Errors: those of `ref::ask`; `not_found` if there is no member; where all are asked `shutdown`
  /// once the runtime has been shut down. With `broadcast` one member is asked.
  template <class M>
  auto ask(M&& message, std::chrono::nanoseconds timeout = forever) const {
    using message_type = std::remove_cvref_t<M>;
    detail::require_handler<A, message_type>();
    using R = reply_of<A, message_type>;
    if (state_->how == routing::scatter_gather_first) {
      if constexpr (std::is_copy_constructible_v<message_type>) return ask_all<message_type, R>(message, timeout);
    }
    const ref<A> to = state_->pick(key(message));
    if (!to) return nobody<R>();
    return future<R>(to.template ask<message_type>(timeout, std::forward<M>(message)));
  }

private:
  bool to_all() const noexcept {
    return state_->how == routing::broadcast || state_->how == routing::scatter_gather_first;
  }

  template <class M>
  std::uint64_t key(const M& message) const {
    if (state_->how == routing::consistent_hash && !detail::has_hash_key<M>)
      throw troupe_error(errc::invalid_argument,
                         std::string("consistent_hash needs a function `std::uint64_t hash_key(const M&)` next to the "
                                     "type of the message ") +
                             type_name<M>());
    return detail::key_of(message);
  }

  template <class R>
  future<R> nobody() const {
    promise<R> p(state_->scheduler());
    future<R> f = p.get_future();
    p.fail(error(errc::not_found, "the router has no member"));
    return f;
  }

  template <class M, class R>
  future<R> ask_all(const M& message, std::chrono::nanoseconds timeout) const {
    const auto all = state_->members();
    if (all.empty()) return nobody<R>();
    promise<R> p(state_->scheduler());
    future<R> f = p.get_future(timeout);
    auto out = std::make_shared<detail::gathering<R>>(std::move(p), all.size());
    for (const ref<A>& m : all)
      troupe::spawn(state_->scheduler(), &detail::gather<R>, out, m.template ask<M>(timeout, message));
    return f;
  }

  std::shared_ptr<detail::router_state<A>> state_;
};

/// Several actors of class A below a supervisor, behind a router; their number can be changed. They are made from
/// copies of the same arguments, and made anew when they crash. Any thread; `resize` by one at a time.
template <class A>
class pool : public actor_router<A> {
public:
  /// Throws what `supervise` and `supervisor::spawn` throw.
  template <class... Args>
  pool(runtime& rt, std::size_t size, routing how, const Args&... args)
      : actor_router<A>(rt, how),
        supervisor_(rt.supervise({.max_restarts = 10})),
        make_([s = supervisor_, kept = std::make_tuple(args...)] {
          return std::apply([&](const auto&... a) { return s.template spawn<A>(child_options{}, a...); }, kept);
        }) {
    resize(size);
  }

  /// Makes more, or closes those made last: they handle what they have got.
  void resize(std::size_t size) const {
    auto all = this->members();
    for (; all.size() < size; all.push_back(make_())) {
    }
    for (const auto& m : all) this->add(m);
    for (; all.size() > size; all.pop_back()) {
      this->remove(all.back());
      (void)supervisor_.end_child(all.back());
    }
  }

  /// Closes all of them, then their supervisor.
  void close() const { supervisor_.close(); }
  /// The supervisor that they are children of.
  const troupe::supervisor& supervisor() const noexcept { return supervisor_; }

private:
  troupe::supervisor supervisor_;
  std::function<ref<A>()> make_;
};

}  // namespace troupe
