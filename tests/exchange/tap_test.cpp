// Looking at what is published.

#include <troupe/exchange/exchange_info.hpp>
#include <troupe/troupe.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "../contracts/support.hpp"

namespace taps {

using namespace std::chrono_literals;

class listener : public troupe::actor {
public:
  void on(const std::string&) {}
};

/// Nothing runs but in `run`.
troupe::runtime_options one_thread() { return {.scheduling = troupe::schedule::round_robin}; }

TEST(Tap, prints_each_message_with_its_number) {
  testing::internal::CaptureStdout();
  {
    troupe::runtime rt({.workers = 2});
    troupe::exchange<std::string> msg(rt, "msg");
    auto t = msg.tap();
    msg.publish("some");
    msg.publish("it's more");
  }
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "msg[1]: 'some'\nmsg[2]: 'it\\'s more'\n");
}

TEST(Tap, is_no_receiver) {
  troupe::runtime rt({.workers = 2});
  troupe::exchange<std::string> x(rt, "x");
  auto a = rt.spawn<listener>();
  std::ostringstream seen;
  auto t = x.tap(seen);
  EXPECT_EQ(x.publish("one"), 0u);
  EXPECT_EQ(x.unroutable(), 1u);
  auto s = x.attach(a);
  EXPECT_EQ(x.publish("two"), 1u);
  EXPECT_EQ(x.subscribers(), 1u);
  t.stop();
  EXPECT_FALSE(t);
  EXPECT_EQ(seen.str(), "x[1]: 'one'\nx[2]: 'two'\n");
  const auto c = x.counts();
  EXPECT_EQ(c.published, 2u);
  EXPECT_EQ(c.routed, 1u);
  EXPECT_EQ(c.subscribers, 1u);
}

TEST(Tap, shows_nothing_that_was_published_before_or_after_it) {
  troupe::runtime rt({.workers = 2});
  troupe::exchange<int> x(rt, "x");
  std::ostringstream seen;
  x.publish(1);
  {
    auto t = x.tap(seen);
    x.publish(2);
    auto moved = std::move(t);
    x.publish(3);
  }
  x.publish(4);
  EXPECT_EQ(seen.str(), "x[1]: 2\nx[2]: 3\n");
  auto again = x.tap(seen);
  x.publish(5);
  again.stop();
  EXPECT_EQ(seen.str(), "x[1]: 2\nx[2]: 3\nx[1]: 5\n");
}

TEST(Tap, with_a_pattern_shows_what_that_matches_with_its_key) {
  troupe::runtime rt({.workers = 2});
  troupe::exchange<int> x(rt, "x", troupe::topic{});
  std::ostringstream eu, all;
  auto some = x.tap(eu, "eu.#");
  auto every = x.tap(all);
  x.publish("eu.acme", 1);
  x.publish("us.acme", 2);
  x.publish("eu", 3);
  some.stop();
  every.stop();
  EXPECT_EQ(eu.str(), "x[1] eu.acme: 1\nx[2] eu: 3\n");
  EXPECT_EQ(all.str(), "x[1] eu.acme: 1\nx[2] us.acme: 2\nx[3] eu: 3\n");
}

TEST(Tap, refuses_a_pattern_that_makes_no_sense) {
  troupe::runtime rt(one_thread());
  const auto refused = [](auto make) {
    try {
      (void)make();
    } catch (const troupe::troupe_error& e) {
      return std::string(e.what());
    }
    return std::string("taken");
  };
  troupe::exchange<int> plain(rt, "plain");
  EXPECT_TRUE(
      tests::contains(refused([&] { return plain.tap("eu.#"); }), "'plain': a fanout exchange has no patterns"));
  troupe::exchange<int> jobs(rt, "jobs", troupe::queue{});
  EXPECT_TRUE(tests::contains(refused([&] { return jobs.tap("a"); }), "a queue exchange has no patterns"));
  troupe::exchange<int> topics(rt, "topics", troupe::topic{});
  EXPECT_TRUE(tests::contains(refused([&] { return topics.tap("a.b*"); }), "topics"));
  EXPECT_EQ(rt.alive(), 0u);
}

TEST(Tap, gives_number_and_text_to_a_callable) {
  troupe::runtime rt({.workers = 2});
  troupe::exchange<int> x(rt, "x", troupe::queue{});
  std::vector<std::pair<std::uint64_t, std::string>> seen;
  auto t = x.tap([&](std::uint64_t n, std::string_view text) { seen.emplace_back(n, text); });
  x.publish(7);
  x.publish(8);
  t.stop();
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_EQ(seen[0], (std::pair<std::uint64_t, std::string>(1, "7")));
  EXPECT_EQ(seen[1], (std::pair<std::uint64_t, std::string>(2, "8")));
  EXPECT_EQ(x.queue_counts().waiting, 2u) << "of whom nothing was taken";
}

TEST(Tap, of_what_cannot_be_copied_shows_it_too) {
  troupe::runtime rt({.workers = 2});
  troupe::exchange<std::unique_ptr<int>> x(rt, "x", troupe::work_queue{});
  std::ostringstream seen;
  auto t = x.tap(seen);
  x.publish(std::make_unique<int>(1));
  t.stop();
  EXPECT_EQ(seen.str(), "x[1]: 1\n");
}

TEST(Tap, that_cannot_keep_up_says_how_many_it_has_not_shown_and_delays_nobody) {
  troupe::runtime rt(one_thread());
  troupe::exchange<int> x(rt, "x");
  std::ostringstream seen;
  auto t = x.tap(seen);
  const int all = static_cast<int>(troupe::tap::limit) + 12;
  for (int i = 1; i <= all; ++i) x.publish(i);
  rt.run();
  EXPECT_TRUE(seen.str().starts_with("x: ... 12 not shown\nx[13]: 13\nx[14]: 14\n")) << seen.str().substr(0, 100);
  EXPECT_TRUE(seen.str().ends_with("x[1012]: 1012\n"));
}

TEST(Tap, that_throws_ends_by_itself_and_harms_nobody) {
  const contracts::captured_log log;
  troupe::runtime rt({.workers = 2});
  troupe::exchange<std::string> x(rt, "x");
  auto a = rt.spawn<listener>();
  auto s = x.attach(a);
  auto t = x.tap([](std::uint64_t, std::string_view) { throw std::runtime_error("no ink"); });
  x.publish("one");
  ASSERT_TRUE(rt.wait_idle(60s));
  x.publish("two");
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(x.counts().delivered, 2u);
  EXPECT_EQ(log.count({"crashed", "no ink"}), 1u);
}

TEST(Tap, of_an_exchange_that_is_attached_to_another_shows_what_comes_through_that) {
  troupe::runtime rt({.workers = 2});
  troupe::exchange<int> front(rt, "front", troupe::topic{}), back(rt, "back");
  auto bound = front.attach(back, "a.*");
  std::ostringstream seen;
  auto t = back.tap(seen);
  front.publish("a.b", 1);
  front.publish("b.b", 2);
  t.stop();
  EXPECT_EQ(seen.str(), "back[1] a.b: 1\n");
  bound.detach();
  EXPECT_EQ(front.publish("a.b", 3), 0u);
}

TEST(Tap, may_be_stopped_in_a_handler_and_outlive_the_runtime) {
  std::ostringstream seen;
  troupe::tap outlives;
  {
    troupe::runtime rt({.workers = 1});
    troupe::exchange<int> x(rt, "x");
    auto inner = std::make_unique<troupe::tap>(x.tap(seen));
    x.publish(1);
    EXPECT_TRUE(rt.run_until([&]() -> troupe::task<> {
      inner.reset();
      co_return;
    }));
    x.publish(2);
    outlives = x.tap([](std::uint64_t, std::string_view) {});
  }
  EXPECT_EQ(seen.str(), "x[1]: 1\n");
  EXPECT_TRUE(outlives);
  outlives.stop();
}

TEST(Tap, comes_and_goes_while_many_publish_and_what_it_shows_has_no_gap) {
  troupe::runtime rt({.workers = 2});
  troupe::exchange<std::string> x(rt, "x", troupe::topic{});
  auto a = rt.spawn<listener>();
  auto s = x.attach(a, "#");
  std::atomic<bool> over{false};
  std::vector<std::thread> publishers;
  for (int i = 0; i != 2; ++i)
    publishers.emplace_back([&] {
      while (!over.load()) x.publish("a.b", std::string(40, 'x'));
    });
  for (int i = 0; i != 50; ++i) {
    std::uint64_t last = 0;
    auto t = x.tap(
        [&](std::uint64_t n, std::string_view) {
          EXPECT_GT(n, last);
          last = n;
        },
        i % 2 == 0 ? "" : "a.#");
    std::this_thread::yield();
  }
  over.store(true);
  for (auto& p : publishers) p.join();
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(x.counts().delivered, x.counts().published);
}

}  // namespace taps
