// C6 where the work goes from thread to thread.

#include "support.hpp"

namespace contracts {
namespace {

struct step {
  int left;
};

/// Has the next step sent by somebody else, until none is left.
class walker : public troupe::actor {
public:
  walker(std::function<void(troupe::ref<walker>, step)> pass, std::atomic<bool>& arrived)
      : pass_(std::move(pass)), arrived_(arrived) {}
  void on(step s) {
    if (s.left == 0)
      arrived_ = true;
    else
      pass_(self(this), step{s.left - 1});
  }

private:
  std::function<void(troupe::ref<walker>, step)> pass_;
  std::atomic<bool>& arrived_;
};

TEST(C6_Shutdown, waits_for_work_that_goes_to_and_fro_between_actors_and_the_threads_of_an_executor) {
  for (int round = 0; round != scaled(200); ++round) {
    std::atomic<bool> arrived{false};
    troupe::runtime rt({.workers = 2});
    troupe::executor helpers(rt, {.max_workers = 1, .own_threads = true});
    const auto pass = [&helpers](const troupe::ref<walker>& to, step s) {
      (void)helpers.submit([to, s] { to.send(s); });
    };
    rt.spawn<walker>(pass, arrived).send(step{50});
    ASSERT_TRUE(rt.shutdown(60s).clean());
    ASSERT_TRUE(arrived) << "round " << round;
    ASSERT_EQ(rt.counts().dead_letters, 0u);
  }
}

TEST(C6_Shutdown, waits_for_work_that_goes_from_thread_to_thread) {
  for (int round = 0; round != scaled(100); ++round) {
    std::atomic<bool> arrived{false};
    troupe::runtime rt({.workers = 2});
    const auto pass = [&rt](const troupe::ref<walker>& to, step s) {
      const troupe::thread once(rt, "once", [to, s] { to.send(s); });
    };
    rt.spawn<walker>(pass, arrived).send(step{10});
    ASSERT_TRUE(rt.shutdown(60s).clean());
    ASSERT_TRUE(arrived) << "round " << round;
    ASSERT_EQ(rt.counts().dead_letters, 0u);
  }
}

TEST(C6_Shutdown, waits_for_work_that_goes_to_and_fro_between_actors_with_and_without_a_thread) {
  for (int round = 0; round != scaled(200); ++round) {
    std::atomic<bool> arrived{false};
    troupe::runtime rt({.workers = 2});
    troupe::ref<walker> near;
    troupe::ref<walker> far;
    const auto to_far = [&far](const troupe::ref<walker>&, step s) { far.send(s); };
    const auto to_near = [&near](const troupe::ref<walker>&, step s) { near.send(s); };
    near = rt.spawn<walker>(to_far, arrived);
    far = rt.spawn<walker>(troupe::own_thread, to_near, arrived);
    near.send(step{100});
    ASSERT_TRUE(rt.shutdown(60s).clean());
    ASSERT_TRUE(arrived) << "round " << round;
    ASSERT_EQ(rt.counts().dead_letters, 0u);
  }
}

}  // namespace
}  // namespace contracts
