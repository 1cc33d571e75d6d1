// C2: no two handlers of an actor overlap.

#include "support.hpp"

namespace contracts {
namespace {

struct add {};
struct add_slowly {};
struct publish_me {};
struct get_sums {};
struct sums {
  long first = 0;
  long second = 0;
  bool overlapped = false;
};

/// Its members are plain: two handlers at a time would lose increments, and ThreadSanitizer would tell.
class accumulator : public troupe::actor {
public:
  void on(add) {
    const entry here(*this);
    ++sums_.first;
    ++sums_.second;
  }
  troupe::task<> on(add_slowly) {
    const entry here(*this);
    const long before = ++sums_.first;
    co_await troupe::this_task::yield();
    if (before % 64 == 0) co_await troupe::this_task::sleep_for(50us);
    if (sums_.first != before) sums_.overlapped = true;
    ++sums_.second;
  }
  void on(const publish_me&) {
    const entry here(*this);
    ++sums_.first;
    ++sums_.second;
  }
  sums on(get_sums) { return sums_; }

private:
  struct entry {
    explicit entry(accumulator& a) : in(a) {
      if (std::exchange(in.inside_, true)) in.sums_.overlapped = true;
    }
    ~entry() { in.inside_ = false; }
    accumulator& in;
  };

  bool inside_ = false;
  sums sums_;
};

TEST(C2_OneAtATime, handlers_of_one_actor_never_overlap_whoever_sends) {
  const int each = scaled(20'000);
  troupe::runtime rt({.workers = 4, .name = "one", .budget = 7, .quantum = 0ns});
  auto a = rt.spawn<accumulator>();
  troupe::exchange<publish_me> ex(rt, "ex");
  auto sub = ex.attach(a);
  std::vector<std::thread> threads;
  for (int t = 0; t != 3; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i != each; ++i) {
        if (t == 0 && i % 16 == 0)
          a.send(add_slowly{});
        else if (t == 1)
          ex.publish({});
        else
          a.send(add{});
        if (i % 1024 == 0) std::this_thread::sleep_for(200us);  // lets it go idle, to be woken again
      }
    });
  }
  for (int i = 0; i != each; ++i) {
    a.send(add{});
    if (i % 512 == 0) std::this_thread::sleep_for(100us);
  }
  for (std::thread& t : threads) t.join();
  const sums s = *a.ask(get_sums{}).get(60s);
  EXPECT_FALSE(s.overlapped);
  EXPECT_EQ(s.first, 4L * each);
  EXPECT_EQ(s.second, 4L * each);
  expect_conserved(rt);
}

TEST(C2_OneAtATime, an_actor_that_goes_idle_after_each_message_is_woken_by_one_sender_only) {
  const int rounds = scaled(5'000);
  troupe::runtime rt({.workers = 4, .name = "one"});
  auto a = rt.spawn<accumulator>();
  std::vector<std::thread> threads;
  for (int t = 0; t != 2; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i != rounds; ++i) {
        a.send(add{});
        for (int spin = 0; spin != (i % 64) * 4; ++spin) troupe::cpu_relax();
      }
    });
  }
  for (std::thread& t : threads) t.join();
  const sums s = *a.ask(get_sums{}).get(60s);
  EXPECT_FALSE(s.overlapped);
  EXPECT_EQ(s.first, 2L * rounds);
  expect_conserved(rt);
}

}  // namespace
}  // namespace contracts
