#include <troupe/actors/runtime.hpp>
#include <troupe/scheduler/this_task.hpp>
#include <troupe/testing/explore.hpp>

#include <gtest/gtest.h>

#include <string>
#include <variant>
#include <vector>

namespace selective {

using namespace std::chrono_literals;
using troupe::errc;
using texts = std::vector<std::string>;

std::string text_of(const std::variant<int, std::string>& m) {
  return m.index() == 0 ? std::to_string(std::get<int>(m)) : std::get<std::string>(m);
}

/// Writes down what it receives, into what outlives it.
class reader : public troupe::loop_actor<int, std::string> {
public:
  explicit reader(texts& to) : to_(&to) {}

protected:
  texts* to_;
};

class strings_first : public reader {
public:
  using reader::reader;
  troupe::task<> run() override {
    for (int i = 0; i != 2; ++i) {
      auto s = co_await receive<std::string>();
      to_->push_back(s.value_or("nothing"));
    }
    const int wanted = 3;
    auto three = co_await receive_if<int>([&wanted](const int& n) { return n == wanted; });
    to_->push_back(std::to_string(three.value_or(-1)));
    for (;;) {
      auto m = co_await receive();
      if (!m) break;
      to_->push_back(text_of(*m));
    }
    to_->push_back("end");
  }
};

TEST(SelectiveReceive, takes_what_fits_first_and_leaves_the_others_in_their_order) {
  texts got;
  troupe::runtime rt({.workers = 2});
  const auto r = rt.spawn<strings_first>(std::ref(got));
  for (int i = 1; i != 5; ++i) r.send(i);
  r.send(std::string("a"));
  r.send(5);
  r.send(std::string("b"));
  r.send(std::string("c"));
  r.close();
  ASSERT_TRUE(r.join(60s));
  EXPECT_EQ(got, (texts{"a", "b", "3", "1", "2", "4", "5", "c", "end"}));
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(rt.counts().queued(), 0u);
}

TEST(SelectiveReceive, gives_nothing_once_closed_and_leaves_what_did_not_fit_to_the_next) {
  texts got;
  troupe::runtime rt({.workers = 2});
  const auto r = rt.spawn<strings_first>(std::ref(got));
  r.send(1);
  r.send(std::string("a"));
  r.send(2);
  r.close();
  ASSERT_TRUE(r.join(60s));
  EXPECT_EQ(got, (texts{"a", "nothing", "-1", "1", "2", "end"}));
}

TEST(SelectiveReceive, counts_as_queued_what_it_has_set_aside_and_loses_it_at_the_end) {
  texts got;
  troupe::runtime rt({.workers = 2});
  const auto r = rt.spawn<strings_first>(std::ref(got));
  for (int i = 0; i != 3; ++i) r.send(i);
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(rt.counts().queued(), 3u);
  r.kill();
  ASSERT_TRUE(r.join(60s));
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(rt.counts().dropped, 3u);
  EXPECT_EQ(rt.counts().queued(), 0u);
}

class patient : public reader {
public:
  using reader::reader;
  troupe::task<> run() override {
    for (;;) {
      auto m = co_await receive_for(1ms);
      to_->push_back(m ? text_of(*m) : m.error().message());
      if (m) break;
    }
    auto text = co_await receive_for<std::string>(1ms);
    to_->push_back(text ? *text : text.error().message());
    auto big = co_await receive_for<int>(1h, [](int n) { return n > 5; });
    to_->push_back(big ? std::to_string(*big) : big.error().message());
    auto rest = co_await receive_for(1h);
    to_->push_back(rest ? text_of(*rest) : rest.error().message());
    auto closed = co_await receive_for(1h);
    to_->push_back(std::string(to_string(closed.error().code())));
  }
};

TEST(SelectiveReceive, ends_by_its_timeout_by_what_fits_or_by_the_close) {
  texts got;
  troupe::runtime rt({.seed = 1});
  const auto r = rt.spawn<patient>(std::ref(got));
  auto sender = rt.spawn([r]() -> troupe::task<> {
    co_await troupe::this_task::sleep_for(1500us);
    r.send(4);
    r.send(5);
    co_await troupe::this_task::sleep_for(1s);
    r.send(6);
    r.close();
  });
  ASSERT_TRUE(r.join(60s));
  EXPECT_EQ(got, (texts{"no message came in time", "4", "no message came in time", "6", "5", "closed"}));
  EXPECT_EQ(rt.counts().queued(), 0u);
}

TEST(SelectiveReceive, with_a_timeout_gets_each_message_once_on_real_threads) {
  class counter : public troupe::loop_actor<int> {
  public:
    counter(int& sum, int& timeouts) : sum_(&sum), timeouts_(&timeouts) {}
    troupe::task<> run() override {
      for (;;) {
        auto m = co_await receive_for(1us);
        if (m)
          *sum_ += *m;
        else if (m.error() == errc::closed)
          break;
        else
          ++*timeouts_;
      }
    }

  private:
    int* sum_;
    int* timeouts_;
  };
  int sum = 0;
  int timeouts = 0;
  troupe::runtime rt({.workers = 2});
  const auto c = rt.spawn<counter>(std::ref(sum), std::ref(timeouts));
  constexpr int n = 3'000;
  for (int i = 0; i != n; ++i) {
    c.send(1);
    if (i % 16 == 0) std::this_thread::sleep_for(20us);
  }
  c.close();
  ASSERT_TRUE(c.join(60s));
  EXPECT_EQ(sum, n);
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(rt.counts().handled, static_cast<unsigned>(n)) << "a timeout is no message";
  EXPECT_EQ(rt.counts().queued(), 0u);
}

TEST(SelectiveReceive, loses_nothing_on_all_schedules_of_message_timeout_and_close) {
  troupe::testing::explore(400, [](troupe::runtime& rt) {
    texts got;
    class loop : public reader {
    public:
      using reader::reader;
      troupe::task<> run() override {
        for (;;) {
          auto s = co_await receive_for<std::string>(2us);
          if (s)
            to_->push_back(*s);
          else if (s.error() == errc::closed)
            break;
        }
        for (;;) {
          auto m = co_await receive();
          if (!m) break;
          to_->push_back(text_of(*m));
        }
      }
    };
    const auto r = rt.spawn<loop>(std::ref(got));
    auto one = rt.spawn([r]() -> troupe::task<> {
      r.send(1);
      co_await troupe::this_task::sleep_for(2us);
      r.send(2);
      r.send(std::string("x"));
    });
    auto two = rt.spawn([r]() -> troupe::task<> {
      co_await troupe::this_task::sleep_for(2us);
      r.send(std::string("y"));
    });
    one.get().value();
    two.get().value();
    r.close();
    rt.run();
    EXPECT_EQ(got.size(), 4u);
    EXPECT_EQ(got[2] + got[3], "12");
  });
}

}  // namespace selective
