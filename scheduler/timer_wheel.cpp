#include <troupe/scheduler/timer_wheel.hpp>

#include <algorithm>
#include <bit>

// Invariants:
// V1  A node stands at the lowest level where its tick and `elapsed_` differ in that level's six bits at most, so every
//     node of a level is due before every node of the levels above.
// V2  Above level 0 the slot that `elapsed_` itself falls into is empty: what was there has cascaded.
// V3  A bit of `occupied_` is set exactly while its slot holds a node, or is the one of V7.
// V4  `next_`, when set, is not later than any deadline in the wheel that has not passed.
// V5  `ready_` holds nodes that were found due, in the order of their deadlines, and that nobody has taken yet.
// V6  Within the range of the last level (two years), nodes of one deadline are in one slot, in the order of their
//     insertion: a slot is filled from above only when `elapsed_` reaches it, before anything is inserted there, or in
//     the spare bank, where nothing is inserted.
// V7  A large slot above level 0 asks for attention before `elapsed_` reaches it. Then it is the one that is `turned_`:
// its
//     nodes move step by step, the first first, into the spare banks of the levels below, to where they belong when
//     `elapsed_` is at its start. That moment finds those levels empty (V1), and exchanges their banks. At the last
//     level, whose slots last twelve days, nothing is done ahead.

namespace troupe {

namespace {

constexpr std::int64_t tick_ns = 1'000'000;
constexpr std::int64_t move_ns = 128;  // for a node that is moved: some times what it takes

constexpr std::uint64_t tick_of(std::int64_t ns) noexcept {
  return ns < 0 ? 0 : static_cast<std::uint64_t>(ns / tick_ns);
}

constexpr std::int64_t ns_of(std::uint64_t tick) noexcept {
  constexpr auto last = static_cast<std::uint64_t>(INT64_MAX / tick_ns);
  return static_cast<std::int64_t>(std::min(tick, last)) * tick_ns;
}

}  // namespace

std::int64_t timer_wheel::insert(timer_node& node) noexcept {
  ++size_;
  background_ += node.in_background ? 1 : 0;
  const slot_start s = place(node, elapsed_, false);
  const std::int64_t wake = s.level == 0 ? node.deadline_ns : attention(s);
  if (size_ == 1)
    next_ = wake;
  else if (next_)
    next_ = std::min(*next_, wake);
  return s.level != 0 && at(s).count % step == 0 ? wake : node.deadline_ns;
}

bool timer_wheel::remove(timer_node& node) noexcept {
  if (node.slot_ == timer_node::nowhere) return false;
  const unsigned number = node.slot_;
  node.unlink();
  forget(node);
  if (number == ready_slot) {
    next_.reset();
    return true;
  }
  slot& from = slots_[number];
  --from.count;
  if (from.nodes.empty()) {
    if (!turned_ || &from != &at(*turned_)) occupied(number) &= ~(std::uint64_t{1} << number % slots);
    next_.reset();
  } else if (number / slots % levels == 0 && next_ == node.deadline_ns) {
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
    next_ = INT64_MAX;
    if (const auto first = first_at(0)) {
      auto& nodes = const_cast<timer_wheel*>(this)->at(*first).nodes;
      next_ = std::min_element(nodes.begin(), nodes.end(), [](auto& a, auto& b) {
                return a.deadline_ns < b.deadline_ns;
              })->deadline_ns;
    }
    for (unsigned level = 1; level != levels; ++level)
      if (const auto first = first_at(level)) next_ = std::min(*next_, attention(*first));
  }
  return next_;
}

bool timer_wheel::awaits_by(std::int64_t until_ns) const noexcept {
  if (awaited() == 0) return false;
  const auto found_in = [until_ns](const timer_list& in) {
    auto& nodes = const_cast<timer_list&>(in);
    return std::any_of(nodes.begin(), nodes.end(),
                       [&](const timer_node& n) { return !n.in_background && n.deadline_ns <= until_ns; });
  };
  if (found_in(ready_)) return true;
  for (unsigned number = 0; number != 2 * bank_size; ++number) {
    const unsigned level = number / slots % levels;
    // What was moved ahead stands in a spare bank (V7), whose slots tell nothing of when they begin.
    if (number == number_of(level, number % slots, false)) {
      const std::uint64_t here = elapsed_ >> (level * bits);
      const std::uint64_t begins = (here + (number - here) % slots) << (level * bits);
      if (ns_of(begins) > until_ns) continue;
    }
    if (found_in(slots_[number].nodes)) return true;
  }
  return false;
}

void timer_wheel::advance(std::int64_t now_ns, timer_list& due, std::size_t limit) noexcept {
  now_ns_ = std::max(now_ns_, now_ns);
  const std::uint64_t target = tick_of(now_ns_);
  while (const auto first = first_occupied()) {
    if (first->tick > target) break;
    elapsed_ = first->tick;
    if (first->level != 0) {
      enter(*first);
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
  turn_ahead();
}

/// The slot of a level that is reached first.
std::optional<timer_wheel::slot_start> timer_wheel::first_at(unsigned level) const noexcept {
  const std::uint64_t taken = occupied_[bank_[level] * levels + level];
  if (taken == 0) return std::nullopt;
  const std::uint64_t here = elapsed_ >> (level * bits);
  // The last level wraps around, hence the distance from here rather than the lowest index.
  const auto turned = std::rotr(taken, static_cast<int>(here % slots));
  const std::uint64_t there = here + static_cast<unsigned>(std::countr_zero(turned));
  return slot_start{there << (level * bits), level, static_cast<unsigned>(there % slots)};
}

std::optional<timer_wheel::slot_start> timer_wheel::first_occupied() const noexcept {
  for (unsigned level = 0; level != levels; ++level)
    if (const auto first = first_at(level)) return first;
  return std::nullopt;
}

/// When a slot above level 0 wants `advance` to be called: V7.
std::int64_t timer_wheel::attention(const slot_start& s) const noexcept {
  const std::int64_t start = ns_of(s.tick);
  const std::uint32_t count = at(s).count;
  if (count < step || s.level == levels - 1) return start;
  if (!turned_) return start - count * move_ns;
  return is_turned(s) ? now_ns_ : start;  // once begun it is not put off
}

/// Puts a node where it belongs when `elapsed_` is `origin`.
timer_wheel::slot_start timer_wheel::place(timer_node& node, std::uint64_t origin, bool spare) noexcept {
  const std::uint64_t tick = std::max(tick_of(node.deadline_ns), origin);
  const auto differing = static_cast<unsigned>(std::bit_width(tick ^ origin));
  const unsigned level = differing == 0 ? 0 : std::min((differing - 1) / bits, levels - 1);
  const std::uint64_t here = origin >> (level * bits);
  // Beyond the range of the last level: the slot that is reached last, from where the node is placed anew.
  const std::uint64_t there = std::min(tick >> (level * bits), here + slots - 1);
  const auto index = static_cast<unsigned>(there % slots);
  const unsigned number = number_of(level, index, spare);
  slots_[number].nodes.push_back(node);
  ++slots_[number].count;
  occupied(number) |= std::uint64_t{1} << index;
  node.slot_ = static_cast<std::uint16_t>(number);
  return {there << (level * bits), level, index};
}

/// `elapsed_` has reached a slot above level 0, and the levels below it are empty: spreads its nodes over those.
void timer_wheel::enter(const slot_start& s) noexcept {
  slot& from = at(s);
  if (is_turned(s)) {
    for (unsigned level = 0; level != s.level; ++level) bank_[level] ^= 1;
    turned_.reset();
  }
  timer_list nodes;
  nodes.splice_back(from.nodes);
  from.count = 0;
  occupied(number_of(s.level, s.index, false)) &= ~(std::uint64_t{1} << s.index);
  while (timer_node* node = nodes.pop_front()) place(*node, elapsed_, false);
}

void timer_wheel::turn_ahead() noexcept {
  for (unsigned level = 1; !turned_ && level != levels - 1; ++level) {
    const auto first = first_at(level);
    if (first && at(*first).count >= step && attention(*first) <= now_ns_) turned_ = first;
  }
  if (!turned_) return;
  slot& from = at(*turned_);
  for (unsigned n = 0; n != step && !from.nodes.empty(); ++n) {
    --from.count;
    place(*from.nodes.pop_front(), turned_->tick, true);
  }
}

void timer_wheel::take_due(unsigned index) noexcept {
  slot& from = slots_[number_of(0, index, false)];
  timer_list taken;
  for (auto i = from.nodes.begin(); i != from.nodes.end();) {
    timer_node& node = *i++;
    if (node.deadline_ns > now_ns_) continue;
    node.unlink();
    --from.count;
    node.slot_ = ready_slot;
    taken.push_back(node);
  }
  if (from.nodes.empty()) occupied(number_of(0, index, false)) &= ~(std::uint64_t{1} << index);
  // Stable, and nodes of one deadline stand in the order of their insertion (V6).
  taken.sort([](const timer_node& a, const timer_node& b) { return a.deadline_ns < b.deadline_ns; });
  ready_.splice_back(taken);
}

}  // namespace troupe
