// C1, C3, C4 and C5 between actors on threads of their own, workers and exchanges.

#include "support.hpp"

namespace contracts {
namespace {

using troupe::own_thread;

struct item {
  int n;
};
struct done {};

class reader : public troupe::actor {
public:
  reader(std::atomic<int>& in_order, std::atomic<bool>& told) : in_order_(in_order), told_(told) {}
  void on(const item& i) {
    if (i.n == in_order_) ++in_order_;
  }
  void on(done) { told_ = true; }

private:
  std::atomic<int>& in_order_;
  std::atomic<bool>& told_;
};

class writer : public troupe::actor {
public:
  writer(troupe::exchange<item> ex, troupe::ref<reader> to, int n) : ex_(std::move(ex)), to_(std::move(to)), n_(n) {}
  void on(done) {
    for (int i = 0; i != n_; ++i) ex_.publish(item{i});
    to_.send(done{});  // comes behind all of them
  }

private:
  troupe::exchange<item> ex_;
  troupe::ref<reader> to_;
  int n_;
};

TEST(C1_Order, holds_from_a_publisher_on_a_thread_of_its_own_to_subscribers_on_any) {
  const int n = scaled(20'000);
  for (const bool own_reader : {true, false}) {
    troupe::runtime rt({.workers = 2});
    troupe::exchange<item> ex(rt, "items");
    std::atomic<int> in_order{0};
    std::atomic<bool> told{false};
    auto r = rt.spawn<reader>({.own_thread = own_reader}, in_order, told);
    auto sub = ex.attach(r);
    auto w = rt.spawn<writer>(own_thread, ex, r, n);
    w.send(done{});
    expect_conserved(rt);
    EXPECT_TRUE(told);
    EXPECT_EQ(in_order, n);
  }
}

TEST(C5_Gone, a_detach_waits_for_the_delivery_on_the_other_thread) {
  troupe::runtime rt({.workers = 2});
  for (int round = 0; round != scaled(200); ++round) {
    troupe::exchange<item> ex(rt, "items");
    auto detached = std::make_shared<std::atomic<bool>>(false);
    auto late = std::make_shared<std::atomic<int>>(0);
    class listener : public troupe::actor {
    public:
      listener(std::shared_ptr<std::atomic<bool>> d, std::shared_ptr<std::atomic<int>> l)
          : detached_(std::move(d)), late_(std::move(l)) {}
      void on(const item&) {
        if (*detached_) ++*late_;
      }

    private:
      std::shared_ptr<std::atomic<bool>> detached_;
      std::shared_ptr<std::atomic<int>> late_;
    };
    auto l = rt.spawn<listener>(own_thread, detached, late);
    auto sub = ex.attach(l);
    for (int i = 0; i != 50; ++i) ex.publish(item{i});
    sub.detach();
    *detached = true;
    l.close();
    ASSERT_TRUE(l.join(60s));
    ASSERT_EQ(*late, 0);
  }
  expect_conserved(rt);
}

TEST(C3_Conservation, holds_when_actors_on_threads_of_their_own_come_and_go_amid_the_traffic) {
  class peer : public troupe::actor {
  public:
    void on(const std::vector<troupe::ref<peer>>& all) { all_ = all; }
    void on(item i) {
      if (i.n != 0 && !all_.empty()) all_[static_cast<std::size_t>(i.n) % all_.size()].send(item{i.n - 1});
    }

  private:
    std::vector<troupe::ref<peer>> all_;
  };
  troupe::runtime rt({.workers = 2});
  for (int round = 0; round != scaled(60); ++round) {
    std::vector<troupe::ref<peer>> all;
    for (int i = 0; i != 6; ++i) all.push_back(rt.spawn<peer>({.own_thread = i % 2 == 0}));
    for (auto& p : all) p.send(all);
    for (auto& p : all) p.send(item{40 + round});
    all[static_cast<std::size_t>(round) % 6].kill();
    all[static_cast<std::size_t>(round + 3) % 6].close();
    ASSERT_TRUE(rt.wait_idle(60s));
    for (auto& p : all) p.close();
    for (auto& p : all) ASSERT_TRUE(p.join(60s));
  }
  expect_conserved(rt);
  EXPECT_EQ(rt.alive(), 0u);
}

}  // namespace
}  // namespace contracts
