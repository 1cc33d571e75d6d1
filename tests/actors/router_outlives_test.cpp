// Routers that are used when the runtime has gone.

#include <troupe/actors/actor_router.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "../common.hpp"

namespace router_outlives {

using namespace std::chrono_literals;
using tests::eventually;
using troupe::routing;

struct question {};

/// What was found when the runtime had gone.
struct findings {
  std::atomic<bool> held{false};
  std::atomic<bool> gone{false};
  std::atomic<bool> over{false};
  std::size_t sent = 1;
  std::optional<troupe::errc> of_nobody, of_all;
};

/// Answers nobody while it is stuck.
class keeper : public troupe::actor {
public:
  explicit keeper(troupe::runtime& rt) : nobody_(rt, routing::round_robin), all_(rt, routing::scatter_gather_first) {}

  int on(question) { return 1; }
  void on(const std::shared_ptr<findings>& f) {
    all_.add(self(this));
    f->held = true;
    while (!f->gone) std::this_thread::sleep_for(100us);
    f->sent = nobody_.send(question{});
    f->of_nobody = nobody_.ask(question{}).get(10s).error().code();
    f->of_all = all_.ask(question{}).get(10s).error().code();
    f->over = true;
  }

private:
  troupe::actor_router<keeper> nobody_;
  troupe::actor_router<keeper> all_;
};

TEST(ActorRouter, is_of_use_to_an_actor_that_outlives_its_runtime) {
  auto f = std::make_shared<findings>();
  {
    // Where it was nothing is left that could still be taken for a runtime.
    alignas(troupe::runtime) static std::byte place[sizeof(troupe::runtime)];
    auto* const rt = new (place) troupe::runtime({.workers = 1});
    rt->spawn<keeper>(troupe::own_thread, std::ref(*rt)).send(f);
    ASSERT_TRUE(eventually([&] { return f->held.load(); }));
    EXPECT_FALSE(rt->shutdown(50ms).clean());
    std::destroy_at(rt);
    std::memset(place, 0xff, sizeof place);
  }
  f->gone = true;
  ASSERT_TRUE(eventually([&] { return f->over.load(); }));
  EXPECT_EQ(f->sent, 0u);
  EXPECT_EQ(f->of_nobody, troupe::errc::not_found);
  EXPECT_EQ(f->of_all, troupe::errc::shutdown);
  EXPECT_TRUE(eventually([&] { return f.use_count() == 1; })) << "its actor has not gone";
}

TEST(ActorRouter, is_of_use_to_others_when_the_runtime_has_gone) {
  std::optional<troupe::actor_router<keeper>> turns, all;
  {
    troupe::runtime rt({.workers = 1});
    const auto k = rt.spawn<keeper>(std::ref(rt));
    turns.emplace(rt, routing::round_robin, std::vector{k});
    all.emplace(rt, routing::scatter_gather_first, std::vector{k});
    EXPECT_EQ(all->ask(question{}, 60s).get().value(), 1);
  }
  EXPECT_TRUE(turns->members().empty());
  EXPECT_EQ(turns->send(question{}), 0u);
  EXPECT_EQ(turns->ask(question{}).get().error(), troupe::errc::not_found);
  EXPECT_EQ(all->ask(question{}).get().error(), troupe::errc::not_found);
}

TEST(ActorRouter, those_who_have_asked_all_learn_of_a_shutdown_that_comes_before_the_answers) {
  class mute : public troupe::actor {
  public:
    void on(question, troupe::promise<int> reply) { kept_.push_back(std::move(reply)); }

  private:
    std::vector<troupe::promise<int>> kept_;
  };
  troupe::runtime rt({.seed = 1});
  const troupe::actor_router<mute> all(rt, routing::scatter_gather_first,
                                       std::vector{rt.spawn<mute>(), rt.spawn<mute>()});
  auto answer = all.ask(question{});
  rt.run();
  rt.shutdown(1s);
  const auto got = answer.get();
  ASSERT_FALSE(got);
  EXPECT_TRUE(got.error() == troupe::errc::shutdown || got.error() == troupe::errc::cancelled) << got.error();
}

}  // namespace router_outlives
