// Streams over exchanges.

#include <troupe/exchange/stream.hpp>
#include <troupe/troupe.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <numeric>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace streams {

using namespace std::chrono_literals;
using troupe::from;
using ints = std::vector<int>;

/// Shuts down, and accounts for each message (C3).
class guarded {
public:
  explicit guarded(troupe::runtime& rt) : rt_(rt) {}
  ~guarded() {
    EXPECT_TRUE(rt_.shutdown(60s).clean());
    const troupe::message_counts c = rt_.counts();
    EXPECT_EQ(c.queued(), 0u);
    EXPECT_EQ(c.failed, failures);
  }
  std::uint64_t failures = 0;

private:
  troupe::runtime& rt_;
};

const auto twice = [](int x) { return 2 * x; };
const auto fails_at_3 = [](int x) {
  if (x == 3) throw std::runtime_error("three");
  return x;
};

/// Publishes some numbers, and ends the exchange.
void publish_all(troupe::exchange<int>& to, const ints& numbers) {
  auto out = to.publisher();
  for (int n : numbers) out.publish(n);
}

TEST(Stream, from_an_exchange_gives_its_value_when_the_exchange_ends) {
  troupe::runtime rt({.workers = 2});
  guarded all(rt);
  troupe::exchange<int> numbers(rt, "numbers");
  auto sum = from(numbers).map(twice).filter([](int x) { return x > 2; }).reduce(0, std::plus<>());
  publish_all(numbers, {1, 2, 3});
  EXPECT_EQ(sum.get(60s).value(), 10);
  EXPECT_EQ(sum.join(60s).value(), troupe::exit_reason{});
}

TEST(Stream, makes_another_exchange_and_ends_travel_through_a_chain_of_them) {
  troupe::runtime rt({.workers = 2});
  guarded all(rt);
  troupe::exchange<int> numbers(rt, "numbers");
  troupe::exchange<std::string> texts(rt, "texts", troupe::topic{});
  troupe::exchange<std::size_t> lengths(rt, "lengths");
  auto total = from(lengths).to_vector();
  auto second = from(texts, "even.#").map(&std::string::size).to(lengths);
  auto first = from(numbers)
                   .map([](int n) { return std::string(static_cast<std::size_t>(n), 'x'); })
                   .to(texts, [](const std::string& s) { return s.size() % 2 == 0 ? "even.text" : "odd.text"; });
  publish_all(numbers, {1, 2, 3, 4});
  EXPECT_EQ(total.get(60s).value(), (std::vector<std::size_t>{2, 4}));
}

TEST(Stream, an_observer_sees_items_in_order_and_then_the_end) {
  troupe::runtime rt({.workers = 2});
  guarded all(rt);
  troupe::exchange<int> numbers(rt, "numbers");
  ints seen;
  std::atomic<bool> completed{false};
  auto running = from(numbers).subscribe([&](int n) { seen.push_back(n); }, [&] { completed = true; });
  ints many(10'000);
  std::iota(many.begin(), many.end(), 0);
  publish_all(numbers, many);
  EXPECT_EQ(running.join(60s).value(), troupe::exit_reason{});
  EXPECT_TRUE(completed);
  EXPECT_EQ(seen, many);
}

TEST(Stream, what_is_held_in_windows_comes_out_at_the_end) {
  troupe::runtime rt({.workers = 2});
  guarded all(rt);
  troupe::exchange<int> numbers(rt, "numbers");
  auto windows = from(numbers).window(2).to_vector();
  publish_all(numbers, {1, 2, 3});
  EXPECT_EQ(windows.get(60s).value(), (std::vector<ints>{{1, 2}, {3}}));
}

TEST(Stream, that_wants_no_more_ends_although_its_exchange_goes_on) {
  troupe::runtime rt({.workers = 2});
  guarded all(rt);
  troupe::exchange<int> numbers(rt, "numbers");
  auto out = numbers.publisher();
  auto first = from(numbers).take(2).to_vector();
  auto none = from(numbers).take(0).to_vector();
  for (int i = 0; i != 5; ++i) out.publish(i);
  EXPECT_EQ(first.get(60s).value(), (ints{0, 1}));
  EXPECT_EQ(none.get(60s).value(), ints{});
  EXPECT_TRUE(first.join(60s));
  EXPECT_TRUE(none.join(60s));
  EXPECT_EQ(numbers.subscribers(), 0u);
}

TEST(Stream, stops_when_its_handle_goes_and_no_stage_is_at_work_then) {
  troupe::runtime rt({.workers = 2});
  guarded all(rt);
  troupe::exchange<int> numbers(rt, "numbers");
  for (int round = 0; round != 50; ++round) {
    auto seen = std::make_unique<int>(0);
    bool completed = false;
    {
      auto running = from(numbers).subscribe([&](int) { ++*seen; }, [&] { completed = true; });
      for (int i = 0; i != 20; ++i) numbers.publish(i);
    }
    seen.reset();  // whoever still counts would be seen by ASAN
    EXPECT_FALSE(completed);
  }
  EXPECT_EQ(numbers.subscribers(), 0u);
}

TEST(Stream, that_was_stopped_gives_an_error_for_its_value) {
  troupe::runtime rt({.workers = 2});
  guarded all(rt);
  troupe::exchange<int> numbers(rt, "numbers");
  auto sum = from(numbers).reduce(std::plus<>());
  sum.stop();
  auto r = sum.get(60s);
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code(), troupe::errc::cancelled) << r.error();
}

TEST(Stream, that_a_shutdown_ends_gives_an_error_for_its_value) {
  troupe::runtime rt({.workers = 2});
  troupe::exchange<int> numbers(rt, "numbers");
  auto out = numbers.publisher();
  auto sum = from(numbers).reduce(0, std::plus<>());
  bool completed = false;
  std::string said;
  auto running = from(numbers).subscribe([](int) {}, [&] { completed = true; },
                                         [&](const troupe::error& e) { said = e.message(); });
  out.publish(1);
  EXPECT_TRUE(rt.shutdown(60s).clean());
  auto r = sum.get(60s);
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code(), troupe::errc::closed) << r.error();
  EXPECT_FALSE(completed);
  EXPECT_EQ(said, r.error().message());
  EXPECT_EQ(rt.counts().queued(), 0u);
}

TEST(Stream, an_exception_goes_to_on_error_and_ends_it) {
  troupe::runtime rt({.workers = 2});
  guarded all(rt);
  troupe::exchange<int> numbers(rt, "numbers");
  auto out = numbers.publisher();
  ints seen;
  std::string said;
  bool completed = false;
  auto running = from(numbers)
                     .map(fails_at_3)
                     .subscribe([&](int n) { seen.push_back(n); }, [&] { completed = true; },
                                [&](const troupe::error& e) { said = e.message(); });
  for (int i = 1; i != 6; ++i) out.publish(i);
  EXPECT_EQ(running.join(60s).value(), troupe::exit_reason{});
  EXPECT_EQ(seen, (ints{1, 2}));
  EXPECT_EQ(said, "three");
  EXPECT_FALSE(completed);
}

TEST(Stream, without_on_error_the_exception_is_the_exit_reason) {
  troupe::runtime rt({.workers = 2});
  guarded all(rt);
  all.failures = 1;
  troupe::exchange<int> numbers(rt, "numbers");
  auto out = numbers.publisher();
  auto running = from(numbers).map(fails_at_3).for_each([](int) {});
  out.publish(3);
  const auto reason = running.join(60s).value();
  EXPECT_EQ(reason.kind, troupe::exit_kind::crashed);
  EXPECT_EQ(reason.text, "three");
}

TEST(Stream, a_value_that_is_awaited_gets_the_exception_as_its_error) {
  troupe::runtime rt({.workers = 2});
  guarded all(rt);
  troupe::exchange<int> numbers(rt, "numbers");
  auto sum = from(numbers).map(fails_at_3).reduce(std::plus<>());
  publish_all(numbers, {1, 2, 3});
  auto r = sum.get(60s);
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().message(), "three");
  EXPECT_TRUE(r.error().cause());
  auto none = from(numbers).reduce(std::plus<>());
  publish_all(numbers, {});
  EXPECT_EQ(none.get(60s).error().code(), troupe::errc::empty);
}

TEST(Stream, retry_goes_on_with_the_next_message_and_begins_anew_in_front) {
  troupe::runtime rt({.workers = 2});
  guarded all(rt);
  troupe::exchange<int> numbers(rt, "numbers");
  auto sums = from(numbers).map(fails_at_3).scan(0, std::plus<>()).retry(1).to_vector();
  auto last = from(numbers).map(fails_at_3).on_error_return(-1).to_vector();
  publish_all(numbers, {1, 2, 3, 4, 5});
  EXPECT_EQ(sums.get(60s).value(), (ints{1, 3, 4, 9}));
  EXPECT_EQ(last.get(60s).value(), (ints{1, 2, -1}));
}

TEST(Stream, merge_takes_from_several_exchanges_and_ends_with_the_last) {
  troupe::runtime rt({.workers = 2});
  guarded all(rt);
  troupe::exchange<int> a(rt, "a");
  troupe::exchange<int> b(rt, "b");
  troupe::exchange<std::string> c(rt, "c");
  auto sum = from(a)
                 .map([](int x) { return 10 * x; })
                 .merge(from(b).take(1))
                 .merge(from(c).map([](const std::string& s) { return static_cast<int>(s.size()); }))
                 .reduce(0, std::plus<>());
  auto more_of_b = b.publisher();
  publish_all(a, {1, 2});
  more_of_b.publish(5);
  more_of_b.publish(7);
  auto texts = c.publisher();
  texts.publish("four");
  texts = {};
  EXPECT_EQ(sum.get(60s).value(), 39);  // b has not ended, but is not wanted any more
}

TEST(Stream, zip_pairs_two_exchanges_and_says_when_one_is_too_far_ahead) {
  troupe::runtime rt({.workers = 2});
  guarded all(rt);
  troupe::exchange<int> a(rt, "a");
  troupe::exchange<std::string> b(rt, "b");
  auto pairs = from(a).zip(from(b)).to_vector();
  auto first = from(a).take(1).zip(from(b)).to_vector();
  auto bounded = from(a).zip(from(b), {.limit = 2}).to_vector();
  auto texts = b.publisher();
  publish_all(a, {1, 2, 3});
  auto r = bounded.get(60s);
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code(), troupe::errc::full);
  EXPECT_NE(r.error().message().find("2 items of its left stream"), std::string::npos) << r.error();
  texts.publish("one");
  texts.publish("two");
  using expected = std::vector<std::pair<int, std::string>>;
  EXPECT_EQ(first.get(60s).value(), (expected{{1, "one"}}));
  texts = {};
  EXPECT_EQ(pairs.get(60s).value(), (expected{{1, "one"}, {2, "two"}}));
}

TEST(Stream, an_exchange_that_stands_twice_in_it_is_refused) {
  troupe::runtime rt({.workers = 1});
  guarded all(rt);
  troupe::exchange<int> a(rt, "a");
  try {
    auto twice_a = from(a).merge(from(a)).to_vector();
    FAIL();
  } catch (const troupe::troupe_error& e) {
    EXPECT_EQ(e.code(), troupe::errc::invalid_argument);
    EXPECT_NE(std::string(e.what()).find("'a' stands twice"), std::string::npos) << e.what();
  }
}

TEST(Stream, a_bad_key_throws_and_leaves_nothing_behind) {
  troupe::runtime rt({.workers = 1});
  guarded all(rt);
  troupe::exchange<int> a(rt, "a", troupe::topic{});
  EXPECT_THROW((void)from(a, "..").to_vector(), troupe::troupe_error);
  EXPECT_EQ(a.subscribers(), 0u);
}

TEST(Stream, groups_are_chains_of_their_own) {
  troupe::runtime rt({.workers = 2});
  guarded all(rt);
  troupe::exchange<int> numbers(rt, "numbers");
  auto windows = from(numbers)
                     .group_by([](int n) { return n % 2; },
                               [](auto items) { return items.window(2).map([](const ints& w) { return w; }); })
                     .to_vector();
  publish_all(numbers, {1, 2, 3, 4, 5});
  EXPECT_EQ(windows.get(60s).value(), (std::vector<ints>{{1, 3}, {2, 4}, {5}}));
}

TEST(Stream, one_whose_observer_is_a_coroutine_takes_no_message_before_that_is_done) {
  troupe::runtime rt({.seed = 1});
  troupe::exchange<int> numbers(rt, "numbers");
  ints seen;
  bool busy = false;
  bool completed = false;
  const auto slow = [&](int n) -> troupe::task<> {
    EXPECT_FALSE(busy);
    busy = true;
    co_await troupe::this_task::sleep_for(1s);
    busy = false;
    seen.push_back(n);
  };
  int mapped = 0;
  auto running = from(numbers)
                     .map([&](int n) {
                       EXPECT_FALSE(busy);
                       return ++mapped, n;
                     })
                     .window(2)
                     .flat_map([](const ints& w) { return w; })
                     .subscribe(std::ref(slow), [&] {
                       EXPECT_FALSE(busy);
                       completed = true;
                     });
  publish_all(numbers, {1, 2, 3, 4, 5});
  const std::int64_t before = rt.scheduler().now();
  EXPECT_TRUE(running.join(60s));
  EXPECT_EQ(seen, (ints{1, 2, 3, 4, 5}));  // the last comes when the actor has ended
  EXPECT_TRUE(completed);
  EXPECT_GE(rt.scheduler().now() - before, std::chrono::nanoseconds(5s).count());
  EXPECT_TRUE(rt.shutdown(60s).clean());
  EXPECT_EQ(rt.counts().queued(), 0u);
}

TEST(Stream, what_a_coroutine_of_the_observer_throws_goes_to_on_error) {
  troupe::runtime rt({.workers = 2});
  guarded all(rt);
  troupe::exchange<int> numbers(rt, "numbers");
  auto out = numbers.publisher();
  std::string said;
  const auto fails = [](int n) -> troupe::task<> {
    co_await troupe::this_task::yield();
    if (n == 2) throw std::runtime_error("two");
  };
  auto running = from(numbers).subscribe(
      std::ref(fails), [] {}, [&](const troupe::error& e) { said = e.message(); });
  for (int i = 0; i != 5; ++i) out.publish(i);
  EXPECT_EQ(running.join(60s).value(), troupe::exit_reason{});
  EXPECT_EQ(said, "two");
}

TEST(Stream, a_coroutine_of_the_observer_gets_what_came_before_a_failure_and_then_that) {
  troupe::runtime rt({.seed = 1});
  troupe::exchange<int> numbers(rt, "numbers");
  std::vector<std::string> plain, awaited;
  const auto three = [](int) { return ints{1, 2, 3}; };
  const auto note = [](auto& in) { return [&in](const troupe::error& e) { in.push_back(e.message()); }; };
  const auto next = [&](int n) -> troupe::task<> {
    co_await troupe::this_task::sleep_for(1s);
    awaited.push_back(std::to_string(n));
  };
  auto now = from(numbers)
                 .flat_map(three)
                 .map(fails_at_3)
                 .subscribe([&](int n) { plain.push_back(std::to_string(n)); }, [] {}, note(plain));
  auto later = from(numbers)
                   .flat_map(three)
                   .map(fails_at_3)
                   .subscribe(
                       std::ref(next), [&] { awaited.push_back("completed"); }, note(awaited));
  numbers.publish(0);
  rt.run();
  EXPECT_EQ(plain, (std::vector<std::string>{"1", "2", "three"}));
  EXPECT_EQ(awaited, plain);
  EXPECT_TRUE(later.join());
}

TEST(Stream, a_failure_of_which_a_coroutine_of_the_observer_wants_to_know_nothing_ends_the_actor_behind_its_items) {
  troupe::runtime rt({.seed = 1});
  troupe::exchange<int> numbers(rt, "numbers");
  ints seen;
  const auto next = [&](int n) -> troupe::task<> {
    co_await troupe::this_task::yield();
    seen.push_back(n);
  };
  auto running = from(numbers).flat_map([](int) { return ints{1, 2, 3}; }).map(fails_at_3).for_each(std::ref(next));
  numbers.publish(0);
  rt.run();
  EXPECT_EQ(seen, (ints{1, 2}));
  EXPECT_EQ(running.join().value().kind, troupe::exit_kind::crashed);
}

TEST(Stream, one_that_does_not_keep_up_is_served_as_its_options_say) {
  troupe::runtime rt({.seed = 1});
  troupe::exchange<int> numbers(rt, "numbers", troupe::topic{});
  auto out = numbers.publisher();
  using troupe::subscription_policy;
  auto some =
      from(numbers, "#", troupe::subscribe_options{.policy = subscription_policy::drop_oldest, .limit = 2}).to_vector();
  std::string said;
  ints seen;
  auto cut_off =
      from(numbers, "#", troupe::subscribe_options{.policy = subscription_policy::disconnect, .limit = 2})
          .subscribe([&](int n) { seen.push_back(n); }, [] {}, [&](const troupe::error& e) { said = e.message(); });
  for (int i = 1; i != 6; ++i) out.publish("a.key", i);
  EXPECT_TRUE(cut_off.join());
  out = {};
  EXPECT_EQ(some.get().value(), (ints{4, 5}));
  EXPECT_EQ(seen, ints{});
  EXPECT_NE(said.find("disconnected"), std::string::npos) << said;
  EXPECT_TRUE(rt.shutdown(60s).clean());
  EXPECT_EQ(rt.counts().queued(), 0u);
}

TEST(Stream, of_a_queue_answers_for_each_message_that_it_has_taken) {
  troupe::runtime rt({.workers = 2});
  guarded all(rt);
  troupe::exchange<int> jobs(rt, "jobs", troupe::queue{});
  publish_all(jobs, {1, 2, 3});
  auto out = jobs.publisher();
  auto first = from(jobs, troupe::consume_options{.prefetch = 1}).take(2).to_vector();
  EXPECT_EQ(first.get(60s).value(), (ints{1, 2}));
  EXPECT_TRUE(first.join(60s));
  out = {};
  auto rest = from(jobs).to_vector();
  EXPECT_EQ(rest.get(60s).value(), ints{3});
}

TEST(Stream, its_actor_is_named_after_its_exchanges) {
  troupe::runtime rt({.workers = 1});
  guarded all(rt);
  troupe::exchange<int> a(rt, "a");
  troupe::exchange<int> b(rt, "b");
  auto one = from(a).for_each([](int) {});
  auto two = from(a).merge(from(b)).for_each([](int) {});
  EXPECT_EQ(one.actor().name(), "stream#1 of a");
  EXPECT_EQ(two.actor().name(), "stream#2 of a, b");
}

TEST(Stream, that_is_let_go_runs_to_the_end_of_its_sources) {
  troupe::runtime rt({.workers = 2});
  guarded all(rt);
  troupe::exchange<int> numbers(rt, "numbers");
  std::atomic<int> sum{0};
  auto running = from(numbers).for_each([&](int n) { sum += n; });
  const troupe::any_ref actor = running.actor();
  running.detach();
  publish_all(numbers, {1, 2, 3});
  EXPECT_TRUE(actor.join(60s));
  EXPECT_EQ(sum, 6);
}

TEST(Stream, keeps_the_order_of_each_of_many_publishers) {
  troupe::runtime rt({.workers = 2});
  guarded all(rt);
  troupe::exchange<std::pair<int, int>> numbers(rt, "numbers");
  auto ordered = from(numbers)
                     .group_by([](const std::pair<int, int>& p) { return p.first; },
                               [](auto items) {
                                 return items.map(&std::pair<int, int>::second).window(2, 1).map([](const ints& w) {
                                   return w[1] == w[0] + 1;
                                 });
                               })
                     .reduce(std::pair(0, true), [](std::pair<int, bool> sum, bool right) {
                       return std::pair(sum.first + 1, sum.second && right);
                     });
  std::vector<std::thread> threads;
  {
    std::vector<troupe::publisher<std::pair<int, int>>> outs;
    for (int t = 0; t != 4; ++t) outs.push_back(numbers.publisher());
    for (int t = 0; t != 4; ++t)
      threads.emplace_back([t, out = std::move(outs[static_cast<std::size_t>(t)])] {
        for (int i = 0; i != 2'000; ++i) out.publish({t, i});
      });
  }
  for (auto& t : threads) t.join();
  EXPECT_EQ(ordered.get(60s).value(), std::pair(4 * 1'999, true));
}

}  // namespace streams
