#include <troupe/actors/runtime.hpp>
#include <troupe/scheduler/this_task.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

namespace without_class {

using namespace std::chrono_literals;

struct tick {
  double price = 0;
};
struct get_mean {};
struct query {
  std::string text;
};

TEST(LambdaActors, that_are_lambdas_make_an_actor_whose_reference_has_a_name) {
  troupe::runtime rt({.workers = 2});
  double sum = 0;
  int n = 0;
  const troupe::ref<troupe::behavior<void(const tick&), double(get_mean), troupe::task<std::string>(const query&)>> m =
      rt.spawn(troupe::handlers{[&](const tick& t) { sum += t.price, ++n; },
                                [&](get_mean) -> double { return sum / n; },
                                [](const query& q) -> troupe::task<std::string> {
                                  co_await troupe::this_task::yield();
                                  co_return q.text + "!";
                                }});
  m.send(tick{1});
  m.send(tick{2});
  EXPECT_EQ(m.ask(get_mean{}).get().value(), 1.5);
  EXPECT_EQ(m.ask(query{"so"}).get().value(), "so!");
}

TEST(LambdaActors, that_are_lambdas_keep_their_captures_as_long_as_the_actor) {
  auto kept = std::make_shared<int>(0);
  troupe::runtime rt({.workers = 2});
  const auto m =
      rt.spawn_named("counter", troupe::handlers{[kept](std::unique_ptr<int> by) { *kept += *by; },
                                                 [n = 0](tick, troupe::promise<int> p) mutable { p.give(++n); }});
  EXPECT_EQ(m.name(), "counter");
  m.send(std::make_unique<int>(5));
  EXPECT_EQ(m.ask(tick{}).get().value(), 1);
  EXPECT_EQ(m.ask(tick{}).get().value(), 2);
  EXPECT_EQ(*kept, 5);
  EXPECT_EQ(kept.use_count(), 2);
  m.close();
  ASSERT_TRUE(m.join(60s));
  EXPECT_EQ(kept.use_count(), 1);
}

troupe::task<> collect(troupe::mailbox<std::string, int> in, std::string prefix, std::vector<std::string>* to) {
  auto number = co_await in.receive<int>();
  to->push_back(prefix + std::to_string(number.value_or(-1)));
  for (;;) {
    auto m = co_await in.receive();
    if (!m) break;
    to->push_back(prefix + std::get<std::string>(*m));
  }
}

TEST(CoroutineActors, can_be_actors_that_receive_from_their_first_argument) {
  std::vector<std::string> got;
  troupe::runtime rt({.workers = 2});
  const troupe::ref<troupe::coroutine_actor<std::string, int>> c = rt.spawn_loop(collect, "> ", &got);
  c.send(std::string("a"));
  c.send(7);
  c.send(std::string("b"));
  c.close();
  ASSERT_TRUE(c.join(60s));
  EXPECT_EQ(got, (std::vector<std::string>{"> 7", "> a", "> b"}));
}

TEST(CoroutineActors, that_are_actors_know_themselves_and_their_captures_live_as_long) {
  auto kept = std::make_shared<int>(0);
  troupe::runtime rt({.workers = 2});
  const auto c = rt.spawn_loop([kept](troupe::mailbox<int> in) -> troupe::task<> {
    in.self().send(3);
    auto m = co_await in.receive_for(60s);
    *kept = m.value_or(-1);
  });
  ASSERT_TRUE(c.join(60s));
  EXPECT_EQ(*kept, 3);
  EXPECT_EQ(kept.use_count(), 1);
}

TEST(Address, of_several_messages_takes_them_and_goes_where_fewer_are_wanted) {
  troupe::runtime rt({.workers = 2});
  double sum = 0;
  const auto m =
      rt.spawn(troupe::handlers{[&](const tick& t) { sum += t.price; }, [&](get_mean) -> double { return sum; },
                                [](query q) -> std::string { return q.text; }});
  const troupe::address<tick, double(get_mean), std::string(query)> all = m;
  EXPECT_EQ(all.try_send(tick{1}), troupe::send_status::queued);
  all.send(tick{2});
  EXPECT_EQ(all.ask(get_mean{}).get().value(), 3);
  const troupe::address<std::string(query), tick> some = all;
  const troupe::address<tick> one = some;
  one.send({4});
  const troupe::address<double(get_mean)> knows = all;
  EXPECT_EQ(knows.ask({}).get().value(), 7);
  EXPECT_EQ(some.ask(query{"q"}).get().value(), "q");
  EXPECT_TRUE(static_cast<const troupe::any_ref&>(all) == static_cast<const troupe::any_ref&>(one));
  const std::unordered_set<troupe::address<tick, double(get_mean)>> set{all, all};
  EXPECT_EQ(set.size(), 1u);

  using wanted = troupe::address<tick, long(get_mean)>;
  static_assert(!std::is_constructible_v<wanted, decltype(m)>, "it answers with a double");
  static_assert(!std::is_constructible_v<troupe::address<tick, int>, decltype(all)>);
}

TEST(WeakRef, gives_the_actor_until_it_has_ended) {
  troupe::runtime rt({.workers = 2});
  const auto m = rt.spawn(troupe::handlers{[](int n) -> int { return n; }});
  const troupe::weak_ref weak(m);
  EXPECT_FALSE(weak.expired());
  EXPECT_EQ(weak.lock().ask(4).get().value(), 4);
  m.close();
  ASSERT_TRUE(m.join(60s));
  EXPECT_TRUE(weak.expired());
  EXPECT_FALSE(weak.lock());
  EXPECT_TRUE((troupe::weak_ref<troupe::behavior<int(int)>>().expired()));
}

}  // namespace without_class
