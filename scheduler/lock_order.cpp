#include <troupe/scheduler/lock_order.hpp>

#include <algorithm>
#include <mutex>
#include <unordered_map>
#include <unordered_set>

#include <fmt/format.h>

#include <troupe/base/log.hpp>
#include <troupe/scheduler/wait.hpp>

namespace troupe {

namespace detail {

#ifdef NDEBUG
atomic<bool> lock_order_checked{false};
#else
atomic<bool> lock_order_checked{true};
#endif

alignas(16) constinit const char ended_party = 0;

namespace {

constexpr std::size_t most_violations = 1'000;

struct held_lock_entry {
  lock_base* lock;
  disown make_nobodys;
};

struct holdings {
  std::string holder;  // as it was called when it took the first of them
  std::vector<held_lock_entry> locks;

  bool has(const lock_base& l) const {
    return std::any_of(locks.begin(), locks.end(), [&](const held_lock_entry& e) { return e.lock == &l; });
  }
};

struct order_book {
  std::mutex mutex;
  std::unordered_map<const void*, holdings> held;                                       // by party
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

/// Ends with the thread, on which no coroutine runs then.
struct end_of_thread {
  ~end_of_thread() { party_ended(current_party()); }
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
    std::erase_if(i->second.locks, [this](const held_lock_entry& e) { return e.lock == this; });
    i = i->second.locks.empty() ? b.held.erase(i) : std::next(i);
  }
}

void check_order(const lock_base& lock, const void* party) {
  order_book& b = book();
  std::string violation;
  {
    std::lock_guard guard(b.mutex);
    const auto held = b.held.find(party);
    if (held == b.held.end()) return;
    if (held->second.has(lock)) return;  // taken again
    for (const held_lock_entry& e : held->second.locks) {
      const lock_base* const earlier = e.lock;
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

void note_taken(lock_base& lock, const void* party, disown f) {
  if (!this_trampoline) {
    static thread_local end_of_thread told;
    static_cast<void>(told);
  }
  order_book& b = book();
  std::lock_guard guard(b.mutex);
  holdings& mine = b.held[party];
  if (mine.locks.empty()) mine.holder = this_party_name();
  mine.locks.push_back({&lock, f});
}

void note_released(const lock_base& lock, const void* party) noexcept {
  order_book& b = book();
  std::lock_guard guard(b.mutex);
  const auto held = b.held.find(party);
  if (held == b.held.end()) return;
  auto& locks = held->second.locks;
  const auto last =
      std::find_if(locks.rbegin(), locks.rend(), [&](const held_lock_entry& e) { return e.lock == &lock; });
  if (last != locks.rend()) locks.erase(std::next(last).base());
  if (locks.empty()) b.held.erase(held);
}

void note_end_of_party(const void* party) noexcept {
  order_book& b = book();
  std::vector<std::string> lines;
  {
    std::lock_guard guard(b.mutex);  // keeps the locks from going
    const auto held = b.held.find(party);
    if (held == b.held.end()) return;
    for (const held_lock_entry& e : held->second.locks) {
      e.make_nobodys(*e.lock, party);
      lines.push_back(fmt::format("{} has ended while it held {}", held->second.holder, e.lock->describe()));
    }
    b.held.erase(held);
  }
  for (const std::string& line : lines) log_line(line);
}

std::string holder_of(const lock_base& lock) {
  if (!lock_order_checked.load(relaxed)) return {};
  order_book& b = book();
  std::lock_guard guard(b.mutex);
  const auto holder = std::find_if(b.held.begin(), b.held.end(), [&](const auto& h) { return h.second.has(lock); });
  return holder == b.held.end() ? std::string() : fmt::format(", which {} holds", holder->second.holder);
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
