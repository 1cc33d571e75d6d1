#include <troupe/exchange/detail/bindings_between.hpp>

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <troupe/exchange/detail/exchange_state.hpp>

namespace troupe::detail {

namespace {

/// For fanout, whose actors need no router.
class all_router final : public router {
public:
  void bind(binding& b) override { all_.add(b); }
  void unbind(binding& b) override { all_.remove(b); }
  void find(const routing_facts&, route& to) const override { to.add(all_.read()); }

private:
  binding_set all_;
};

std::unique_ptr<router> router_between(const exchange_kind& kind) {
  auto made = kind.make_router();
  return made ? std::move(made) : std::make_unique<all_router>();
}

}  // namespace

outlets::outlets(const exchange_kind& kind, std::shared_ptr<exchange_graph> g)
    : graph_(std::move(g)), router_(router_between(kind)) {}

outlets::~outlets() {
  for (const auto& each : bound_) router_->unbind(*each);
}

exchange_binding* outlets::find(const exchange_state& target, std::string_view key) const noexcept {
  const auto at = std::find_if(bound_.begin(), bound_.end(),
                               [&](const auto& each) { return each->target.get() == &target && each->key == key; });
  return at == bound_.end() ? nullptr : at->get();
}

exchange_binding& outlets::add(std::shared_ptr<exchange_state> target, std::string key) {
  auto fresh = std::make_unique<exchange_binding>(std::move(target), std::move(key));
  bound_.reserve(bound_.size() + 1);
  router_->bind(*fresh);
  return *bound_.emplace_back(std::move(fresh));
}

std::unique_ptr<exchange_binding> outlets::remove(const exchange_binding& b) noexcept {
  const auto at = std::find_if(bound_.begin(), bound_.end(), [&](const auto& each) { return each.get() == &b; });
  auto removed = std::move(*at);
  bound_.erase(at);
  router_->unbind(*removed);
  return removed;
}

void outlets::set_alternate(std::shared_ptr<exchange_state> to) noexcept {
  alternate_ = std::move(to);
  alternate_at_.store(alternate_.get(), release);
}

void outlets::add_tap(binding& b, const exchange_kind& kind) {
  if (b.key.empty()) {
    all_taps_.add(b);
  } else {
    if (!tap_routes_) {
      tap_routes_ = kind.make_router();
      tap_routes_at_.store(tap_routes_.get(), release);
    }
    tap_routes_->bind(b);
  }
  bump(taps_);
}

void outlets::remove_tap(binding& b) noexcept {
  b.key.empty() ? all_taps_.remove(b) : tap_routes_->unbind(b);
  taps_.store(taps_.load(relaxed) - 1, relaxed);
}

namespace {
constinit thread_local entered_bindings* innermost = nullptr;
}

std::uint32_t exchange_binding::entered_here() const noexcept {
  std::uint32_t n = 0;
  for (const entered_bindings* at = innermost; at; at = at->below_)
    n += static_cast<std::uint32_t>(std::count(at->entered_.begin(), at->entered_.end(), this));
  return n;
}

entered_bindings::entered_bindings(const outlets& from, const routing_facts& by) {
  const epoch_guard pinned;
  borrowed_route found;
  from.routes().find(by, *found);
  std::size_t n = 0;
  (*found).each([&](binding&) { ++n; });
  entered_.reserve(n);
  (*found).each([&](binding& b) {
    auto& each = static_cast<exchange_binding&>(b);
    const auto same = [&](const exchange_binding* other) { return other->target == each.target; };
    if (std::none_of(entered_.begin(), entered_.end(), same) && each.enter()) entered_.push_back(&each);
  });
  below_ = std::exchange(innermost, this);
}

entered_bindings::~entered_bindings() {
  innermost = below_;
  for (exchange_binding* each : entered_) each->leave();
}

// --- the exchange's side -------------------------------------------------------------------------------------------

namespace {

/// The names on a way from `at` to `goal` by bindings and alternates, goal first; empty if there is none. Under the
/// mutex of the graph.
std::vector<std::string> way(const exchange_state& at, const exchange_state& goal,
                             std::set<const exchange_state*>& seen) {
  if (&at == &goal) return {at.name()};
  const outlets* const out = at.elsewhere();
  if (!out || !seen.insert(&at).second) return {};
  const auto by = [&](const exchange_state& next) {
    auto found = way(next, goal, seen);
    if (!found.empty()) found.push_back(at.name());
    return found;
  };
  for (const auto& each : out->bound()) {
    if (auto found = by(*each->target); !found.empty()) return found;
  }
  return out->alternate() ? by(*out->alternate()) : std::vector<std::string>();
}

}  // namespace

outlets& exchange_state::make_outlets() {
  const auto graph = core_->service<exchange_graph>([] { return std::make_shared<exchange_graph>(); });
  std::lock_guard guard(mutex_);
  if (!outlets_) outlets_ = std::make_unique<outlets>(kind_, graph);
  return *outlets_;
}

void exchange_state::refuse_cycle(const exchange_state& next, std::string_view what) const {
  std::set<const exchange_state*> seen;
  auto found = way(next, *this, seen);
  if (found.empty()) return;
  found.push_back(name_);
  std::reverse(found.begin(), found.end());
  throw troupe_error(errc::invalid_argument,
                     fmt::format("exchange '{}': {} '{}' would close a cycle: {}; detach one of them first", name_,
                                 what, next.name(), fmt::join(found, " -> ")));
}

const binding* exchange_state::attach_exchange(const std::shared_ptr<exchange_state>& target, std::string key,
                                               bool input) {
  check_key(key);
  if (kind_.competing())
    throw troupe_error(errc::invalid_argument,
                       fmt::format("exchange '{}': a {} exchange gives a message to one of its subscribers, and '{}' "
                                   "cannot be one of them: attach it to an exchange in front of this one",
                                   name_, to_string(kind_), target->name()));
  if (target->core_ != core_)
    throw troupe_error(errc::invalid_argument,
                       fmt::format("exchange '{}': exchange '{}' belongs to another runtime", name_, target->name()));
  outlets& out = make_outlets();
  exchange_binding* b = nullptr;
  bool over = false;
  {
    std::lock_guard graph_guard(out.graph());
    refuse_cycle(*target, "attaching");
    if (input) target->add_publisher();  // before anybody can take it away
    try {
      std::lock_guard guard(mutex_);
      b = out.find(*target, key);
      if (!b) b = &out.add(target, std::move(key));
      elsewhere_.store(&out, release);
      ++b->handles;
      over = ended_;
      if (input && !over) ++b->inputs;
    } catch (...) {
      if (input) target->remove_publisher();
      throw;
    }
  }
  if (input && over) target->remove_publisher();
  return b;
}

void exchange_state::detach_exchange(const binding* handle, bool input) noexcept {
  outlets& out = *elsewhere();  // handles keep it in use
  std::unique_ptr<exchange_binding> last;
  std::shared_ptr<exchange_state> ends;
  {
    std::lock_guard graph_guard(out.graph());
    std::lock_guard guard(mutex_);
    const auto at =
        std::find_if(out.bound().begin(), out.bound().end(), [&](const auto& each) { return each.get() == handle; });
    exchange_binding& b = **at;  // handles keep it
    if (input && b.inputs != 0) {
      --b.inputs;
      ends = b.target;
    }
    if (--b.handles == 0) last = out.remove(b);
  }
  if (last) {
    last->close();
    std::lock_guard guard(mutex_);
    gone_.passed_on += last->passed_on();
    if (!out.used()) elsewhere_.store(nullptr, release);
  }
  if (ends) ends->remove_publisher();
  if (last) epoch_retire(last.release());
}

void exchange_state::send_unroutable_to(const std::shared_ptr<exchange_state>& alternate) {
  if (kind_ == exchange_kind::queue)
    throw troupe_error(errc::invalid_argument,
                       fmt::format("the queue '{}' keeps what nobody takes yet and has no alternate; it may have a "
                                   "dead-letter exchange",
                                   name_));
  outlets& out = make_outlets();
  std::lock_guard graph_guard(out.graph());
  if (const exchange_state* const there = out.alternate()) {
    if (there == alternate.get()) return;
    throw troupe_error(errc::invalid_argument,
                       fmt::format("exchange '{}' has the alternate '{}'; it was asked for with "
                                   "the alternate '{}'",
                                   name_, there->name(), alternate->name()));
  }
  refuse_cycle(*alternate, "the alternate");
  std::lock_guard guard(mutex_);
  out.set_alternate(alternate);
  elsewhere_.store(&out, release);
}

}  // namespace troupe::detail
