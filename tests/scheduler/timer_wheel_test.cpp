#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <troupe/scheduler/timer_wheel.hpp>
#include <vector>

namespace {

using troupe::timer_list;
using troupe::timer_node;
using troupe::timer_wheel;

constexpr std::int64_t ms = 1'000'000;

std::vector<timer_node*> advance(timer_wheel& wheel, std::int64_t now) {
  timer_list due;
  wheel.advance(now, due);
  std::vector<timer_node*> out;
  while (timer_node* n = due.pop_front()) out.push_back(n);
  return out;
}

using nodes = std::vector<timer_node*>;

TEST(TimerWheel, an_empty_wheel_has_no_deadline) {
  timer_wheel wheel;
  EXPECT_TRUE(wheel.empty());
  EXPECT_EQ(wheel.next_deadline(), std::nullopt);
  EXPECT_EQ(advance(wheel, 5 * ms), nodes{});
}

TEST(TimerWheel, a_timer_fires_at_its_nanosecond_and_not_before) {
  timer_wheel wheel;
  timer_node n;
  n.deadline_ns = 10 * ms + 123;
  wheel.insert(n);
  EXPECT_EQ(wheel.next_deadline(), n.deadline_ns);
  EXPECT_EQ(advance(wheel, n.deadline_ns - 1), nodes{});
  EXPECT_EQ(wheel.next_deadline(), n.deadline_ns);
  EXPECT_EQ(advance(wheel, n.deadline_ns), nodes{&n});
  EXPECT_TRUE(wheel.empty());
}

TEST(TimerWheel, deadlines_in_the_past_are_due_at_the_next_advance) {
  timer_wheel wheel;
  advance(wheel, 100 * ms);
  timer_node past, negative;
  past.deadline_ns = 3 * ms;
  negative.deadline_ns = -5;
  wheel.insert(past);
  wheel.insert(negative);
  EXPECT_LE(wheel.next_deadline(), 100 * ms);
  EXPECT_EQ(advance(wheel, 100 * ms), (nodes{&negative, &past}));
}

TEST(TimerWheel, equal_deadlines_fire_in_the_order_of_insertion) {
  timer_wheel wheel;
  timer_node a, b, c, earlier;
  // Those that are inserted early stand at a high level at first, and have come down when the last is inserted.
  const std::int64_t far = ((std::int64_t{1} << 30) + (1 << 20) + 500) * ms;
  for (auto* n : {&a, &b, &c}) n->deadline_ns = far;
  earlier.deadline_ns = far - 1;
  wheel.insert(a);
  advance(wheel, far / 2);
  wheel.insert(b);
  advance(wheel, far - 50 * ms);
  wheel.insert(c);
  wheel.insert(earlier);
  EXPECT_EQ(advance(wheel, far + ms), (nodes{&earlier, &a, &b, &c}));
}

TEST(TimerWheel, a_removed_timer_does_not_fire) {
  timer_wheel wheel;
  timer_node a, b;
  a.deadline_ns = 2 * ms;
  b.deadline_ns = 3 * ms;
  wheel.insert(a);
  wheel.insert(b);
  EXPECT_TRUE(wheel.remove(a));
  EXPECT_FALSE(wheel.remove(a));
  EXPECT_EQ(wheel.size(), 1U);
  EXPECT_EQ(wheel.next_deadline(), 3 * ms);
  EXPECT_EQ(advance(wheel, 10 * ms), nodes{&b});
  EXPECT_FALSE(wheel.remove(b));
}

TEST(TimerWheel, the_last_representable_deadline_is_held) {
  timer_wheel wheel;
  timer_node n;
  n.deadline_ns = INT64_MAX;
  wheel.insert(n);
  EXPECT_EQ(advance(wheel, INT64_MAX - 1), nodes{});
  EXPECT_EQ(wheel.size(), 1U);
  EXPECT_EQ(advance(wheel, INT64_MAX), nodes{&n});
}

TEST(TimerWheel, following_the_next_deadline_takes_a_few_steps_for_a_far_timer) {
  timer_wheel wheel;
  advance(wheel, 123'456'789 * ms + 17);
  timer_node n;
  n.deadline_ns = 123'456'789 * ms + 86'400'000 * ms + 5;
  wheel.insert(n);
  int steps = 0;
  for (nodes fired; fired.empty(); ++steps) fired = advance(wheel, *wheel.next_deadline());
  EXPECT_LE(steps, 6);
}

// The reference is a multimap from deadline to nodes, which keeps equal keys in the order of insertion.
void compare_with_multimap(unsigned seed, std::int64_t start, std::int64_t span, bool far) {
  std::mt19937_64 random(seed);
  auto below = [&](std::int64_t n) { return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(n)); };
  timer_wheel wheel;
  std::multimap<std::int64_t, timer_node*> reference;
  std::vector<std::unique_ptr<timer_node>> idle;
  std::vector<std::multimap<std::int64_t, timer_node*>::iterator> live;
  std::map<timer_node*, std::size_t> place_in_live;
  std::int64_t now = start;
  advance(wheel, now);

  auto forget = [&](std::size_t i) {
    timer_node* n = live[i]->second;
    reference.erase(live[i]);
    place_in_live.erase(n);
    idle.emplace_back(n);
    if (i + 1 != live.size()) {
      live[i] = live.back();
      place_in_live[live[i]->second] = i;
    }
    live.pop_back();
  };

  for (int step = 0; step < 100'000; ++step) {
    const auto what = below(100);
    if (what < 50) {
      if (idle.empty()) idle.push_back(std::make_unique<timer_node>());
      timer_node* n = idle.back().release();
      idle.pop_back();
      // Magnitudes from nanoseconds to the whole span, some past, some equal.
      const std::int64_t reach = std::max<std::int64_t>(1, span >> below(40));
      n->deadline_ns = now + below(reach) - (below(10) == 0 ? reach : 0);
      if (below(4) == 0) n->deadline_ns -= n->deadline_ns % ms;
      if (far && below(50) == 0) n->deadline_ns = now + (std::int64_t{1} << 36) * ms + below(span);
      wheel.insert(*n);
      live.push_back(reference.emplace(n->deadline_ns, n));
      place_in_live[n] = live.size() - 1;
    } else if (what < 75) {
      if (live.empty()) continue;
      const auto i = static_cast<std::size_t>(below(static_cast<std::int64_t>(live.size())));
      ASSERT_TRUE(wheel.remove(*live[i]->second));
      forget(i);
    } else {
      const auto next = wheel.next_deadline();
      ASSERT_EQ(next.has_value(), !reference.empty());
      if (next) {
        ASSERT_LE(*next, std::max(now, reference.begin()->first)) << "step " << step;
      }
      now += below(4) == 0 && next ? std::max<std::int64_t>(0, *next - now)
                                   : below(std::max<std::int64_t>(1, span >> below(40)));
      for (timer_node* n : advance(wheel, now)) {
        ASSERT_FALSE(reference.empty());
        ASSERT_EQ(n, reference.begin()->second) << "step " << step;
        ASSERT_LE(n->deadline_ns, now);
        forget(place_in_live[n]);
      }
      ASSERT_TRUE(reference.empty() || reference.begin()->first > now) << "step " << step;
    }
    ASSERT_EQ(wheel.size(), reference.size());
  }
  while (!live.empty()) {
    ASSERT_TRUE(wheel.remove(*live.back()->second));
    forget(live.size() - 1);
  }
  ASSERT_TRUE(wheel.empty());
  ASSERT_EQ(wheel.next_deadline(), std::nullopt);
}

TEST(TimerWheel, agrees_with_a_multimap_within_a_minute) { compare_with_multimap(1, 0, 60'000 * ms, false); }

TEST(TimerWheel, agrees_with_a_multimap_within_months) {
  compare_with_multimap(2, 987'654'321 * ms + 1, std::int64_t{1} << 53, false);
}

TEST(TimerWheel, agrees_with_a_multimap_where_the_last_level_wraps_around) {
  compare_with_multimap(3, ((std::int64_t{1} << 36) - 100'000) * ms, std::int64_t{1} << 46, true);
}

/// Many nodes, due within a quarter of a minute.
std::vector<std::unique_ptr<timer_node>> crowd(timer_wheel& wheel, std::size_t n, std::int64_t first) {
  std::mt19937_64 random(7);
  std::vector<std::unique_ptr<timer_node>> all;
  for (std::size_t i = 0; i != n; ++i) {
    all.push_back(std::make_unique<timer_node>());
    all.back()->deadline_ns = first + static_cast<std::int64_t>(random() % 60'000) * ms / 4;
    wheel.insert(*all.back());
  }
  return all;
}

/// Whether the wheel knows if something is awaited, while it turns.
void compare_with_a_look_at_all(unsigned seed, std::int64_t span, std::size_t crowd) {
  std::mt19937 random(seed);
  const auto below = [&](std::int64_t n) { return std::uniform_int_distribution<std::int64_t>(0, n - 1)(random); };
  timer_wheel wheel;
  std::int64_t now = below(span);
  advance(wheel, now);
  std::vector<std::unique_ptr<timer_node>> all;
  const std::int64_t busy = now + below(span);
  for (std::size_t i = 0; i != crowd; ++i) {
    auto& n = *all.emplace_back(std::make_unique<timer_node>());
    n.deadline_ns = i % 2 == 0 ? busy + below(30'000 * ms) : now + below(span);
    n.in_background = i % 50 != 0;
    wheel.insert(n);
  }
  for (int step = 0; step != 300; ++step) {
    const std::int64_t until = now + below(span / 4);
    const bool awaited = std::any_of(all.begin(), all.end(), [&](auto& n) {
      return !n->in_background && n->deadline_ns > now && n->deadline_ns <= until;
    });
    ASSERT_EQ(wheel.awaits_by(until), awaited) << "step " << step << ", seed " << seed;
    now = std::min(wheel.next_deadline().value_or(now), now + below(span / 100) + 1);
    advance(wheel, now);
  }
}

TEST(TimerWheel, knows_whether_something_is_awaited_by_a_time) {
  for (unsigned seed = 1; seed != 6; ++seed) {
    compare_with_a_look_at_all(seed, 60'000 * ms, 40);
    compare_with_a_look_at_all(seed, std::int64_t{86'400'000} * ms, 60);
    compare_with_a_look_at_all(seed, std::int64_t{86'400'000} * ms, 5'000);
  }
}

TEST(TimerWheel, no_call_moves_all_of_many_nodes_on) {
  constexpr std::size_t n = 50'000;
  constexpr std::int64_t start = (std::int64_t{1} << 24) * ms;  // where a slot of a high level begins
  timer_wheel wheel;
  advance(wheel, start - 3'600'000 * ms);
  const auto all = crowd(wheel, n, start);
  std::size_t calls = 0;
  for (std::int64_t now = 0; (now = *wheel.next_deadline()) < start; ++calls) ASSERT_EQ(advance(wheel, now), nodes{});
  EXPECT_GE(calls, n / timer_wheel::step) << "calls before the slot is reached, each of which moves a part";
}

TEST(TimerWheel, many_nodes_fire_in_order_although_some_come_and_go_while_they_are_moved) {
  constexpr std::size_t n = 20'000;
  constexpr std::int64_t start = (std::int64_t{1} << 24) * ms;
  timer_wheel wheel;
  advance(wheel, start - 3'600'000 * ms);
  auto all = crowd(wheel, n, start);
  std::vector<bool> gone(n);
  std::int64_t now = 0;
  for (std::size_t i = 0; (now = *wheel.next_deadline()) < start; ++i) {
    ASSERT_EQ(advance(wheel, now), nodes{});
    for (std::size_t k = i * 500; k != i * 500 + 100; ++k) {
      gone[k] = wheel.remove(*all[k]);
      ASSERT_TRUE(gone[k]);
    }
    all.push_back(std::make_unique<timer_node>());  // is due together with another, and behind it
    all.back()->deadline_ns = all[i * 500 + 200]->deadline_ns;
    wheel.insert(*all.back());
  }
  ASSERT_GT(all.size(), n);
  gone.resize(all.size());
  nodes expected;
  for (std::size_t i = 0; i != all.size(); ++i)
    if (!gone[i]) expected.push_back(all[i].get());
  std::stable_sort(expected.begin(), expected.end(),
                   [](const timer_node* a, const timer_node* b) { return a->deadline_ns < b->deadline_ns; });
  nodes fired;
  for (std::optional<std::int64_t> next; (next = wheel.next_deadline());) {
    now = std::max(now, *next);
    for (timer_node* node : advance(wheel, now)) {
      ASSERT_LE(node->deadline_ns, now);
      fired.push_back(node);
    }
  }
  EXPECT_EQ(fired, expected);
}

TEST(TimerWheel, a_crowd_that_is_called_off_while_it_is_moved_leaves_an_empty_wheel_that_works) {
  constexpr std::int64_t start = (std::int64_t{1} << 24) * ms;
  timer_wheel wheel;
  advance(wheel, start - 3'600'000 * ms);
  const auto all = crowd(wheel, 5'000, start);
  for (int i = 0; i != 2; ++i) advance(wheel, *wheel.next_deadline());
  for (const auto& node : all) ASSERT_TRUE(wheel.remove(*node));
  EXPECT_EQ(wheel.next_deadline(), std::nullopt);
  timer_node n;
  n.deadline_ns = start + 5'000 * ms + 1;
  wheel.insert(n);
  nodes fired;
  for (int i = 0; fired.empty() && i != 20; ++i) fired = advance(wheel, *wheel.next_deadline());
  EXPECT_EQ(fired, nodes{&n});
}

}  // namespace
