// What lives how long when subscriptions, handlers and exchanges end in an unusual order. Address sanitizer sees the
// rest.

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <cstddef>
#include <latch>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <troupe/troupe.hpp>

namespace {

using namespace std::chrono_literals;

const std::string long_text(200, 'x');

class leaver : public troupe::actor {
public:
  explicit leaver(std::string& seen) : seen_(seen) {}
  void on(std::shared_ptr<troupe::subscription> s) { subscription_ = std::move(s); }
  void on(const std::string& text) {
    subscription_->detach();
    seen_ = text;
  }

private:
  std::string& seen_;
  std::shared_ptr<troupe::subscription> subscription_;
};

TEST(ExchangeLifetime, a_message_outlives_the_handler_that_detaches_itself_from_it) {
  std::string seen;
  troupe::runtime rt;
  troupe::exchange<std::string> x(rt, "x");
  auto a = rt.spawn<leaver>(seen);
  // Asked, not sent: a message may be handled after what is published later.
  ASSERT_TRUE(a.ask(std::make_shared<troupe::subscription>(x.attach(a)), 60s).get());
  for (int i = 0; i != 500; ++i) x.publish(long_text);
  a.close();
  ASSERT_TRUE(a.join(60s));
  EXPECT_EQ(seen, long_text);
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(rt.counts().queued(), 0U);
}

class sleeper : public troupe::actor {
public:
  explicit sleeper(std::string& seen, std::latch& begun, std::atomic<bool>& gone)
      : seen_(seen), begun_(begun), gone_(gone) {}
  troupe::task<> on(const std::string& text) {
    if (seen_.empty()) begun_.count_down();
    while (!gone_) co_await troupe::this_task::sleep_for(1ms);
    seen_ = text;
  }

private:
  std::string& seen_;
  std::latch& begun_;
  std::atomic<bool>& gone_;
};

TEST(ExchangeLifetime, a_message_outlives_a_coroutine_whose_subscription_goes_while_it_sleeps) {
  std::string seen;
  std::latch begun(1);
  std::atomic<bool> gone{false};
  troupe::runtime rt;
  troupe::exchange<std::string> x(rt, "x");
  auto a = rt.spawn<sleeper>(seen, begun, gone);
  {
    auto s = x.attach(a);
    for (int i = 0; i != 500; ++i) x.publish(long_text);
    begun.wait();
  }
  gone = true;
  a.close();
  ASSERT_TRUE(a.join(60s));
  EXPECT_EQ(seen, long_text);
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(rt.counts().queued(), 0U);
}

class number_taker : public troupe::actor {
public:
  void on(const int& n) { sum_ += n; }
  long on(char) const { return sum_; }

private:
  long sum_ = 0;
};

TEST(ExchangeLifetime, a_thousand_keys_grow_the_table_while_others_publish) {
  troupe::runtime rt;
  troupe::exchange<int> x(rt, "x", troupe::direct{});
  auto a = rt.spawn<number_taker>();
  std::vector<troupe::subscription> subscriptions;
  std::atomic<bool> stop{false};
  std::thread publisher([&] {
    for (int i = 0; !stop; ++i) x.publish(std::to_string(i % 1000), 0);
  });
  for (int i = 0; i != 1000; ++i) subscriptions.push_back(x.attach(a, std::to_string(i)));
  stop = true;
  publisher.join();
  for (int i = 0; i != 1000; ++i) EXPECT_EQ(x.publish(std::to_string(i), 1), 1U);
  EXPECT_EQ(*a.ask('?', 60s).get(), 1000);
}

struct last_publisher {
  std::shared_ptr<std::optional<troupe::publisher<std::shared_ptr<last_publisher>>>> own;
};
using parcel = std::shared_ptr<last_publisher>;

class never_reads : public troupe::actor {
public:
  void on(const parcel&) {}
  void on(int) { std::this_thread::sleep_for(20ms); }
};

TEST(ExchangeLifetime, a_message_may_hold_the_last_publisher_of_its_own_exchange) {
  troupe::runtime rt;
  troupe::exchange<parcel> x(rt, "x");
  auto a = rt.spawn<never_reads>();
  auto s = x.attach_input(a);
  a.send(1);
  auto message = std::make_shared<last_publisher>();
  message->own = std::make_shared<std::optional<troupe::publisher<parcel>>>(x.publisher());
  x.publish(std::move(message));
  a.kill();
  EXPECT_TRUE(a.join(60s));
  EXPECT_TRUE(rt.shutdown(60s).clean());
}

TEST(ExchangeLifetime, nothing_can_be_spawned_once_the_runtime_is_down) {
  troupe::runtime rt;
  EXPECT_TRUE(rt.shutdown(60s).clean());
  EXPECT_THROW(rt.spawn<number_taker>(), troupe::troupe_error);
  EXPECT_THROW(rt.spawn([]() -> troupe::task<> { co_return; }), troupe::troupe_error);
}

TEST(ExchangeLifetime, a_publisher_that_is_replaced_lets_its_exchange_end) {
  troupe::runtime rt;
  troupe::exchange<int> x(rt, "x");
  troupe::exchange<int> y(rt, "y");
  auto a = rt.spawn<number_taker>();
  auto s = x.attach_input(a);
  auto p = x.publisher();
  auto q = y.publisher();
  p = std::move(q);
  EXPECT_TRUE(a.join(60s));
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // they end the program where memory is refused
/// The first segment of its log is larger than `memory_limit` allows.
struct immense {
  std::byte bytes[std::size_t{3} << 30];
};

/// Leaves the process 8 GiB for as long as it lives.
class memory_limit {
public:
  memory_limit() {
    ::getrlimit(RLIMIT_AS, &before_);
    rlimit low = before_;
    low.rlim_cur = rlim_t{8} << 30;
    ::setrlimit(RLIMIT_AS, &low);
  }
  ~memory_limit() { ::setrlimit(RLIMIT_AS, &before_); }
  memory_limit(const memory_limit&) = delete;
  memory_limit& operator=(const memory_limit&) = delete;

private:
  rlimit before_{};
};

class immense_taker : public troupe::actor {
public:
  void on(const immense&) {}
  int on(int n) { return n; }
};

TEST(ExchangeLifetime, attaching_without_memory_leaves_nothing_behind) {
  troupe::runtime rt;
  troupe::exchange<immense> x(rt, "x");
  auto a = rt.spawn<immense_taker>();
  const memory_limit limit;
  for (int i = 0; i != 3; ++i) {
    EXPECT_THROW((void)x.attach(a), std::bad_alloc);
    EXPECT_EQ(x.subscribers(), 0u);
    EXPECT_EQ(a.ask(i, 60s).get().value(), i);
  }
  a.close();
  EXPECT_TRUE(a.join(60s));
  EXPECT_TRUE(rt.shutdown(60s).clean());
}
#endif

}  // namespace
