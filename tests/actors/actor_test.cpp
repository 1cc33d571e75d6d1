#include <troupe/actors/actor.hpp>
#include <troupe/actors/ref.hpp>
#include <troupe/actors/runtime.hpp>
#include <troupe/scheduler/green_thread.hpp>
#include <troupe/scheduler/task.hpp>
#include <troupe/scheduler/this_task.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace {

using namespace std::chrono_literals;

struct tick {
  std::string symbol;
  double price;
};
struct get_mean {};

class mean : public troupe::actor {
public:
  void on(const tick& t) { sum_ += t.price, ++n_; }
  double on(get_mean) const { return n_ ? sum_ / static_cast<double>(n_) : 0; }

private:
  double sum_ = 0;
  long n_ = 0;
};

TEST(Actor, handles_messages_and_answers_questions) {
  troupe::runtime rt;
  auto m = rt.spawn<mean>();
  m.send(tick{"ACME", 10});
  m.send(tick{"ACME", 11});
  auto v = m.ask(get_mean{}, 60s).get();
  ASSERT_TRUE(v);
  EXPECT_EQ(*v, 10.5);
}

struct adder : troupe::actor {
  troupe::task<int> on(int n) {
    co_await troupe::this_task::sleep_for(1ms);
    co_return n + 1;
  }
};

TEST(Actor, a_handler_may_be_a_coroutine_and_takes_no_other_message_meanwhile) {
  troupe::runtime rt;
  auto a = rt.spawn<adder>();
  auto first = a.ask(1, 60s);
  auto second = a.ask(2, 60s);
  EXPECT_EQ(*second.get(), 3);
  EXPECT_TRUE(first.done());
  EXPECT_EQ(*first.get(), 2);
}

struct asker : troupe::actor {
  explicit asker(troupe::ref<adder> a) : adder_(std::move(a)) {}
  troupe::task<int> on(int n) {
    auto r = co_await adder_.ask(n, 60s);
    co_return *r * 10;
  }
  troupe::ref<adder> adder_;
};

TEST(Actor, a_handler_may_ask_another_actor) {
  troupe::runtime rt;
  auto a = rt.spawn<asker>(rt.spawn<adder>());
  EXPECT_EQ(*a.ask(4, 60s).get(), 50);
}

class collector : public troupe::loop_actor<std::string> {
public:
  explicit collector(std::string& out) : out_(out) {}
  troupe::task<> run() override {
    while (auto text = co_await receive()) out_ += *text;
    out_ += ".";
  }

private:
  std::string& out_;
};

TEST(LoopActor, receives_what_was_sent_before_close_and_then_ends) {
  std::string out;
  troupe::runtime rt;
  auto c = rt.spawn<collector>(out);
  c.send(std::string("Hello"));
  c.send(std::string("World"));
  c.close();
  auto reason = c.join(60s);
  ASSERT_TRUE(reason);
  EXPECT_EQ(reason->kind, troupe::exit_kind::normal);
  EXPECT_EQ(out, "HelloWorld.");
  c.send(std::string("late"));
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(rt.counts().dead_letters, 1u);
}

struct owner : troupe::actor {
  int on(std::unique_ptr<int> p) { return *p; }
};

TEST(Actor, messages_may_be_move_only) {
  troupe::runtime rt;
  auto o = rt.spawn<owner>();
  EXPECT_EQ(*o.ask(std::make_unique<int>(7), 60s).get(), 7);
}

struct thrower : troupe::actor {
  int on(int) { throw std::runtime_error("no such luck"); }
  void on(const std::string&) {}
};

TEST(Actor, an_exception_ends_the_actor_and_answers_the_question) {
  troupe::runtime rt;
  auto t = rt.spawn<thrower>();
  auto r = t.ask(1, 60s).get();
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error(), troupe::errc::crashed);
  EXPECT_EQ(r.error().message(), "no such luck (int asked of " + t.name() + ")");
  auto reason = t.join(60s);
  EXPECT_EQ(reason->kind, troupe::exit_kind::crashed);
  auto late = t.ask(1, 60s).get();
  EXPECT_EQ(late.error(), troupe::errc::closed);
}

TEST(GreenThread, asks_and_sleeps_and_gives_its_result) {
  troupe::runtime rt;
  auto a = rt.spawn<adder>();
  auto f = rt.spawn(
      [](troupe::ref<adder> who, int n) -> troupe::task<int> {
        for (int i = 0; i != 3; ++i) {
          auto r = co_await who.ask(n, 60s);
          n = *r;
          co_await troupe::this_task::yield();
        }
        co_return n;
      },
      a, 1);
  EXPECT_EQ(*f.get(60s), 4);
}

TEST(Ask, gives_timeout_when_the_answer_does_not_come) {
  struct slow : troupe::actor {
    troupe::task<int> on(int) {
      co_await troupe::this_task::sleep_for(1h);
      co_return 1;
    }
  };
  troupe::runtime rt;
  auto s = rt.spawn<slow>();
  EXPECT_EQ(s.ask(1, 5ms).get().error(), troupe::errc::timeout);
  auto f = rt.spawn(
      [](troupe::ref<slow> who) -> troupe::task<bool> {
        auto r = co_await who.ask(1, 5ms);
        co_return r.error() == troupe::errc::timeout;
      },
      s);
  EXPECT_TRUE(*f.get(60s));
  s.kill();
  EXPECT_EQ(s.join(60s)->kind, troupe::exit_kind::killed);
}

}  // namespace
