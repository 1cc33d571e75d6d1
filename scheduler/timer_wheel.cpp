#include <troupe/scheduler/timer_wheel.hpp>

#include <algorithm>
#include <bit>

// Invariants:
// V1  A node stands at the lowest level where its tick and `elapsed_` differ in that level's six bits at most, so every
//     node of a level is due before every node of the levels above.
// V2  Above level 0 the slot that `elapsed_` itself falls into is empty: what was there has cascaded.
// V3  A bit of `occupied_` is set exactly while its slot holds a node.
// V4  `next_`, when set, is not later than any deadline in the wheel that has not passed.
// V5  `ready_` holds nodes that were found due, in the order of their deadlines, and that nobody has taken yet.
// V6  Within the range of the last level (two years), nodes of one deadline are in one slot, in the order of their
//     insertion: a slot is filled from above only when `elapsed_` reaches it, before anything is inserted there.

namespace troupe {

namespace {

constexpr std::int64_t tick_ns = 1'000'000;

constexpr std::uint64_t tick_of(std::int64_t ns) noexcept {
  return ns < 0 ? 0 : static_cast<std::uint64_t>(ns / tick_ns);
}

constexpr std::int64_t ns_of(std::uint64_t tick) noexcept {
  constexpr auto last = static_cast<std::uint64_t>(INT64_MAX / tick_ns);
  return static_cast<std::int64_t>(std::min(tick, last)) * tick_ns;
}

}  // namespace

void timer_wheel::insert(timer_node& node) noexcept {
  ++size_;
  background_ += node.in_background ? 1 : 0;
  const std::int64_t wake = place(node);
  if (size_ == 1)
    next_ = wake;
  else if (next_)
    next_ = std::min(*next_, wake);
}

bool timer_wheel::remove(timer_node& node) noexcept {
  if (node.slot_ == timer_node::nowhere) return false;
  const unsigned level = node.slot_ / slots;
  const unsigned index = node.slot_ % slots;
  const bool was_ready = node.slot_ == ready_slot;
  node.unlink();
  forget(node);
  if (was_ready) {
    next_.reset();
  } else if (slot(level, index).empty()) {
    occupied_[level] &= ~(std::uint64_t{1} << index);
    next_.reset();
  } else if (level == 0 && next_ == node.deadline_ns) {
    next_.reset();
  }
  return true;
}

/// A node has left the wheel.
void timer_wheel::forget(timer_node& node) noexcept {
  node.slot_ = timer_node::nowhere;
  --size_;
  background_ -= node.in_background ? 1 : 0;
}

std::optional<std::int64_t> timer_wheel::next_deadline() const noexcept {
  if (size_ == 0) return std::nullopt;
  if (!next_ && !ready_.empty()) next_ = const_cast<timer_wheel*>(this)->ready_.front().deadline_ns;
  if (!next_) {
    const auto first = first_occupied();
    next_ = ns_of(first->tick);
    if (first->level == 0) {
      auto& nodes = const_cast<timer_wheel*>(this)->slot(0, first->index);
      next_ = std::min_element(nodes.begin(), nodes.end(), [](auto& a, auto& b) {
                return a.deadline_ns < b.deadline_ns;
              })->deadline_ns;
    }
  }
  return next_;
}

void timer_wheel::advance(std::int64_t now_ns, timer_list& due, std::size_t limit) noexcept {
  now_ns_ = std::max(now_ns_, now_ns);
  const std::uint64_t target = tick_of(now_ns_);
  while (const auto first = first_occupied()) {
    if (first->tick > target) break;
    elapsed_ = first->tick;
    if (first->level != 0) {
      cascade(*first);
      continue;
    }
    take_due(first->index);
    // In the slot of `now` itself there may be nodes left that are due within the same tick.
    if (first->tick == target) break;
  }
  elapsed_ = target;
  next_.reset();
  for (; limit != 0 && !ready_.empty(); --limit) {
    timer_node& node = *ready_.pop_front();
    forget(node);
    due.push_back(node);
  }
}

std::optional<timer_wheel::slot_start> timer_wheel::first_occupied() const noexcept {
  for (unsigned level = 0; level < levels; ++level) {
    if (occupied_[level] == 0) continue;
    const std::uint64_t here = elapsed_ >> (level * bits);
    // The last level wraps around, hence the distance from here rather than the lowest index.
    const auto turned = std::rotr(occupied_[level], static_cast<int>(here % slots));
    const std::uint64_t there = here + static_cast<unsigned>(std::countr_zero(turned));
    return slot_start{there << (level * bits), level, static_cast<unsigned>(there % slots)};
  }
  return std::nullopt;
}

// Returns the time at which the slot wants attention.
std::int64_t timer_wheel::place(timer_node& node) noexcept {
  const std::uint64_t tick = std::max(tick_of(node.deadline_ns), elapsed_);
  const auto differing = static_cast<unsigned>(std::bit_width(tick ^ elapsed_));
  const unsigned level = differing == 0 ? 0 : std::min((differing - 1) / bits, levels - 1);
  const std::uint64_t here = elapsed_ >> (level * bits);
  // Beyond the range of the last level: the slot that is reached last, from where the node is placed anew.
  const std::uint64_t there = std::min(tick >> (level * bits), here + slots - 1);
  const auto index = static_cast<unsigned>(there % slots);
  slot(level, index).push_back(node);
  occupied_[level] |= std::uint64_t{1} << index;
  node.slot_ = static_cast<std::uint16_t>(level * slots + index);
  return level == 0 ? node.deadline_ns : ns_of(there << (level * bits));
}

void timer_wheel::cascade(const slot_start& from) noexcept {
  timer_list nodes;
  nodes.splice_back(slot(from.level, from.index));
  occupied_[from.level] &= ~(std::uint64_t{1} << from.index);
  while (timer_node* node = nodes.pop_front()) place(*node);
}

void timer_wheel::take_due(unsigned index) noexcept {
  timer_list& from = slot(0, index);
  timer_list taken;
  for (auto at = from.begin(); at != from.end();) {
    timer_node& node = *at++;
    if (node.deadline_ns > now_ns_) continue;
    node.unlink();
    node.slot_ = ready_slot;
    taken.push_back(node);
  }
  if (from.empty()) occupied_[0] &= ~(std::uint64_t{1} << index);
  // Stable, and nodes of one deadline stand in the order of their insertion (V6).
  taken.sort([](const timer_node& a, const timer_node& b) { return a.deadline_ns < b.deadline_ns; });
  ready_.splice_back(taken);
}

}  // namespace troupe
