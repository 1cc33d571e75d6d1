#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <troupe/base/atomic.hpp>
#include <troupe/base/epoch.hpp>
#include <troupe/base/wait_long.hpp>
#include <troupe/exchange/binding.hpp>
#include <troupe/exchange/router.hpp>

namespace troupe::detail {

class exchange_state;

/// A binding whose subscriber is another exchange.
///
/// XB1. A publish enters before it looks whether the binding is open, and leaves when the target has the message;
///      `close` shuts it first and then waits until nobody is inside (all seq_cst) but publishes of the caller's own
///      thread: it may have been called by a message that one of them copies. So after `detach` nothing begins to go
///      through (C5).
struct exchange_binding final : binding {
  exchange_binding(std::shared_ptr<exchange_state> to, std::string with_key)
      : binding(any_ref(), std::move(with_key)), target(std::move(to)) {}

  bool enter() noexcept {
    inside_.fetch_add(1, seq_cst);
    if (open_.load(seq_cst)) return true;
    leave();
    return false;
  }
  void leave() noexcept { inside_.fetch_sub(1, seq_cst); }
  void close() noexcept {
    open_.store(false, seq_cst);
    const std::uint32_t own = entered_here();
    wait_long([&] { return inside_.load(seq_cst) <= own; });
  }

  /// A message has gone through.
  void count_passage() noexcept { passed_on_.fetch_add(1, relaxed); }
  std::uint64_t passed_on() const noexcept { return passed_on_.load(relaxed); }

  const std::shared_ptr<exchange_state> target;

private:
  /// How many publishes of the calling thread are inside.
  std::uint32_t entered_here() const noexcept;

  atomic<bool> open_{true};
  atomic<std::uint32_t> inside_{0};     // publishes that go through it now
  atomic<std::uint64_t> passed_on_{0};  // only counts
};

/// All bindings between the exchanges of a runtime are changed, and searched for cycles, under this.
struct exchange_graph {
  std::mutex mutex;
};

/// Where messages of one exchange go besides to its actors: to the exchanges that are attached to it, and, if nobody
/// gets one, to the alternate. Made when there is the first of them, and there until the exchange goes.
///
/// XB2. `bound_` and `alternate_` are changed under the mutex of the graph and that of the exchange; either is enough
///      to read them. Publishers read `routes()` inside an epoch, and `alternate()` at any time: it is set once.
/// XB3. There is no way of bindings and alternates from an exchange to itself: who would close one is refused. So a
///      publish comes to an end, and so do exchanges that keep those behind them alive.
/// XB4. Taps are bound under the mutex of the exchange, and found inside an epoch. `exchange_state::elsewhere` leads
///      here only while there is one of all these, so that a publish takes no longer when the last has gone.
class outlets {
public:
  outlets(const exchange_kind& kind, std::shared_ptr<exchange_graph> g);
  ~outlets();
  outlets(const outlets&) = delete;
  outlets& operator=(const outlets&) = delete;

  const router& routes() const noexcept { return *router_; }
  exchange_state* alternate() const noexcept { return alternate_at_.load(acquire); }
  std::mutex& graph() const noexcept { return graph_->mutex; }

  const std::vector<std::unique_ptr<exchange_binding>>& bound() const noexcept { return bound_; }
  exchange_binding* find(const exchange_state& target, std::string_view key) const noexcept;
  exchange_binding& add(std::shared_ptr<exchange_state> target, std::string key);
  /// Publishers find it no more; it is to be closed, and then retired.
  std::unique_ptr<exchange_binding> remove(const exchange_binding& b) noexcept;
  void set_alternate(std::shared_ptr<exchange_state> to) noexcept;

  // Taps, XB4.
  bool tapped() const noexcept { return taps_.load(relaxed) != 0; }
  void find_taps(const routing_facts& by, route& to) const {
    to.add(all_taps_.read());
    if (const router* const some = tap_routes_at_.load(acquire)) some->find(by, to);
  }
  /// With a key, it is shown what that matches. Throws `std::bad_alloc`.
  void add_tap(binding& b, const exchange_kind& kind);
  void remove_tap(binding& b) noexcept;

  /// Whether publishers have to look here. Under the mutex of the exchange.
  bool used() const noexcept { return !bound_.empty() || alternate_ || tapped(); }

private:
  const std::shared_ptr<exchange_graph> graph_;
  const std::unique_ptr<router> router_;
  std::vector<std::unique_ptr<exchange_binding>> bound_;  // by age
  std::shared_ptr<exchange_state> alternate_;
  atomic<exchange_state*> alternate_at_{nullptr};  // release by its setter pairs with acquire in alternate()
  binding_set all_taps_;                           // those without a key
  std::unique_ptr<router> tap_routes_;             // the others; made with the first
  atomic<router*> tap_routes_at_{nullptr};         // the same; release by its setter pairs with acquire in find_taps()
  atomic<std::size_t> taps_{0};                    // how many; written under the mutex of the exchange
};

/// The exchanges that a message goes on to, each once, however many bindings lead there; entered, as long as it lives.
/// Those of one thread live on its stack, and know the next one below.
class entered_bindings {
public:
  entered_bindings(const outlets& from, const routing_facts& by);
  ~entered_bindings();
  entered_bindings(const entered_bindings&) = delete;
  entered_bindings& operator=(const entered_bindings&) = delete;

  bool empty() const noexcept { return entered_.empty(); }
  auto begin() const noexcept { return entered_.begin(); }
  auto end() const noexcept { return entered_.end(); }

private:
  friend struct exchange_binding;

  std::vector<exchange_binding*> entered_;
  entered_bindings* below_;
};

}  // namespace troupe::detail
