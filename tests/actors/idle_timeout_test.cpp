#include <troupe/actors/runtime.hpp>
#include <troupe/scheduler/this_task.hpp>
#include <troupe/testing/explore.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <vector>

namespace idle_timeouts {

using namespace std::chrono_literals;

struct work {};
struct long_work {};
struct change {
  std::chrono::nanoseconds after;
};

class watched : public troupe::actor {
public:
  watched(std::vector<std::int64_t>& at, troupe::runtime& rt) : at_(&at), rt_(&rt) { set_idle_timeout(10ms); }
  void on(work) {}
  troupe::task<> on(long_work) { co_await troupe::this_task::sleep_for(25ms); }
  void on(change c) { set_idle_timeout(c.after); }
  void on_idle() { at_->push_back(rt_->scheduler().now() / 1'000'000); }

private:
  std::vector<std::int64_t>* at_;
  troupe::runtime* rt_;
};

/// Lets the actor have what `script` does, in virtual time; gives the milliseconds at which it was idle.
template <class Script>
std::vector<std::int64_t> idle_at(Script script) {
  std::vector<std::int64_t> at;
  troupe::runtime rt({.seed = 7});
  const std::int64_t begun = rt.scheduler().now() / 1'000'000;
  const auto w = rt.spawn<watched>(std::ref(at), std::ref(rt));
  rt.spawn([&]() { return script(w); }).get().value();
  w.close();
  rt.run();
  for (auto& t : at) t -= begun;
  return at;
}

using ms = std::vector<std::int64_t>;

TEST(IdleTimeout, comes_after_the_time_without_a_message_and_again_after_each_further_one) {
  EXPECT_EQ(idle_at([](troupe::ref<watched>) -> troupe::task<> { co_await troupe::this_task::sleep_for(35ms); }),
            (ms{10, 20, 30}));
}

TEST(IdleTimeout, counts_from_the_end_of_the_last_message) {
  EXPECT_EQ(idle_at([](troupe::ref<watched> w) -> troupe::task<> {
              for (int i = 0; i != 5; ++i) {
                co_await troupe::this_task::sleep_for(6ms);
                w.send(work{});
              }
              co_await troupe::this_task::sleep_for(12ms);  // idle at 40
              w.send(long_work{});                          // from 42 to 67
              co_await troupe::this_task::sleep_for(38ms);
            }),
            (ms{40, 77}));
}

TEST(IdleTimeout, can_be_changed_and_ended) {
  EXPECT_EQ(idle_at([](troupe::ref<watched> w) -> troupe::task<> {
              co_await troupe::this_task::sleep_for(5ms);
              w.send(change{3ms});
              co_await troupe::this_task::sleep_for(7ms);
              w.send(change{troupe::forever});
              co_await troupe::this_task::sleep_for(100ms);
              w.send(change{50ms});
              co_await troupe::this_task::sleep_for(60ms);
            }),
            (ms{8, 11, 162}));
}

TEST(IdleTimeout, holds_up_neither_rest_nor_a_shutdown) {
  std::vector<std::int64_t> at;
  troupe::runtime rt({.workers = 2});
  const auto w = rt.spawn<watched>(std::ref(at), std::ref(rt));
  w.send(work{});
  EXPECT_TRUE(rt.wait_idle(60s));
  EXPECT_TRUE(rt.shutdown(60s).clean());
}

TEST(IdleTimeout, without_a_function_to_call_is_an_error) {
  class deaf : public troupe::actor {
  public:
    void on(work) { set_idle_timeout(1ms); }
  };
  class hasty : public troupe::actor {
  public:
    void on(work) { set_idle_timeout(0ms); }
    void on_idle() {}
  };
  troupe::runtime rt({.workers = 1});
  const auto d = rt.spawn<deaf>();
  d.send(work{});
  EXPECT_NE(d.join(60s).value().text.find("no on_idle()"), std::string::npos);
  const auto h = rt.spawn<hasty>();
  h.send(work{});
  EXPECT_NE(h.join(60s).value().text.find("not a positive time"), std::string::npos);
}

TEST(IdleTimeout, races_with_messages_and_the_end_on_real_threads) {
  class busy : public troupe::actor {
  public:
    explicit busy(std::atomic<int>& idle) : idle_(&idle) { set_idle_timeout(50us); }
    void on(work) {}
    void on_idle() { ++*idle_; }

  private:
    std::atomic<int>* idle_;
  };
  std::atomic<int> idle = 0;
  troupe::runtime rt({.workers = 2});
  for (int round = 0; round != 50; ++round) {
    const auto b = rt.spawn<busy>(std::ref(idle));
    for (int i = 0; i != 10; ++i) {
      b.send(work{});
      std::this_thread::sleep_for(std::chrono::microseconds(10 * i));
    }
    round % 2 ? b.close() : b.kill();
    ASSERT_TRUE(b.join(60s));
  }
  EXPECT_GT(idle, 0);
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(rt.counts().queued(), 0u);
}

TEST(IdleTimeout, ends_with_its_actor_on_all_schedules) {
  troupe::testing::explore(200, [](troupe::runtime& rt) {
    std::vector<std::int64_t> at;
    const auto w = rt.spawn<watched>(std::ref(at), std::ref(rt));
    auto user = rt.spawn([w]() -> troupe::task<> {
      w.send(work{});
      co_await troupe::this_task::sleep_for(10ms);
      w.send(change{10ms});
      co_await troupe::this_task::sleep_for(10ms);
      w.close();
    });
    user.get().value();
    rt.run();
    EXPECT_LE(at.size(), 2u);
  });
}

}  // namespace idle_timeouts
