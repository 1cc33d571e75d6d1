#include <troupe/scheduler/lock_order.hpp>

#include <algorithm>
#include <mutex>
#include <unordered_map>
#include <unordered_set>

#include <fmt/format.h>

#include <troupe/base/log.hpp>

namespace troupe {

namespace detail {

#ifdef NDEBUG
constinit atomic<bool> lock_order_checked{false};
#else
constinit atomic<bool> lock_order_checked{true};
#endif

namespace {

constexpr std::size_t most_violations = 1'000;

struct order_book {
  std::mutex mutex;
  std::unordered_map<const void*, std::vector<const lock_base*>> held;                  // by party
  std::unordered_map<const lock_base*, std::unordered_set<const lock_base*>> after;     // LO1
  std::unordered_map<const lock_base*, std::unordered_set<const lock_base*>> reported;  // once for each pair
  std::vector<std::string> violations;

  /// Whether `later` is somewhere behind `earlier` in the remembered order.
  bool before(const lock_base* earlier, const lock_base* later) const {
    std::vector<const lock_base*> open{earlier};
    std::unordered_set<const lock_base*> seen;
    while (!open.empty()) {
      const lock_base* at = open.back();
      open.pop_back();
      if (at == later) return true;
      if (!seen.insert(at).second) continue;
      if (const auto next = after.find(at); next != after.end())
        open.insert(open.end(), next->second.begin(), next->second.end());
    }
    return false;
  }
};

order_book& book() {
  static auto& it = *new order_book;  // never destroyed: locks of static lifetime may go after it
  return it;
}

}  // namespace

std::string lock_base::describe() const {
  return name_.empty() ? fmt::format("{} {}", kind_, static_cast<const void*>(this))
                       : fmt::format("{} \"{}\"", kind_, name_);
}

void lock_base::forget() noexcept {
  order_book& b = book();
  std::lock_guard lock(b.mutex);
  b.after.erase(this);
  b.reported.erase(this);
  for (auto& [earlier, later] : b.after) later.erase(this);
  for (auto& [earlier, later] : b.reported) later.erase(this);
  for (auto i = b.held.begin(); i != b.held.end();) {
    std::erase(i->second, this);
    i = i->second.empty() ? b.held.erase(i) : std::next(i);
  }
}

void check_order(const lock_base& lock, const void* party) {
  order_book& b = book();
  std::string violation;
  {
    std::lock_guard guard(b.mutex);
    const auto held = b.held.find(party);
    if (held == b.held.end()) return;
    if (std::find(held->second.begin(), held->second.end(), &lock) != held->second.end()) return;  // taken again
    for (const lock_base* earlier : held->second) {
      if (b.after[earlier].contains(&lock)) continue;
      if (!b.before(&lock, earlier)) {
        b.after[earlier].insert(&lock);
      } else if (b.reported[earlier].insert(&lock).second) {
        violation = fmt::format("lock-order violation: {} is taken while {} is held, but elsewhere it comes before it",
                                lock.describe(), earlier->describe());
        if (b.violations.size() < most_violations) b.violations.push_back(violation);
      }
    }
  }
  if (!violation.empty()) log_line(violation);
}

void note_taken(const lock_base& lock, const void* party) {
  order_book& b = book();
  std::lock_guard guard(b.mutex);
  b.held[party].push_back(&lock);
}

void note_released(const lock_base& lock, const void* party) noexcept {
  order_book& b = book();
  std::lock_guard guard(b.mutex);
  const auto held = b.held.find(party);
  if (held == b.held.end()) return;
  auto& locks = held->second;
  if (const auto last = std::find(locks.rbegin(), locks.rend(), &lock); last != locks.rend())
    locks.erase(std::next(last).base());
  if (locks.empty()) b.held.erase(held);
}

}  // namespace detail

void check_lock_order(bool on) {
  detail::order_book& b = detail::book();
  std::lock_guard guard(b.mutex);
  detail::lock_order_checked.store(on, relaxed);  // read without a partner: a lock taken at this moment may be missed
  if (on) return;
  b.held.clear();
  b.after.clear();
  b.reported.clear();
}

std::vector<std::string> lock_order_violations() {
  detail::order_book& b = detail::book();
  std::lock_guard guard(b.mutex);
  return b.violations;
}

}  // namespace troupe
