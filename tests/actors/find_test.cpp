#include <troupe/actors/runtime.hpp>
#include <troupe/scheduler/this_task.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>

namespace {

using namespace std::chrono_literals;

class clerk : public troupe::actor {
public:
  void on(int) {}
  void on(const std::string& text) { throw std::runtime_error(text); }
  void on(std::atomic<int>* state) {
    *state = 1;
    while (*state == 1) std::this_thread::sleep_for(1ms);
  }
  troupe::task<> on(char) { co_await troupe::this_task::sleep_for(1h); }
};

class guard : public troupe::actor {
public:
  void on(int) {}
};

TEST(Find, a_living_actor_is_found_by_its_name_and_class) {
  troupe::runtime rt({.workers = 2});
  auto c = rt.spawn_named<clerk>("ann");
  EXPECT_EQ(rt.find<clerk>("ann").value(), c);
  const auto none = rt.find<clerk>("bob");
  EXPECT_EQ(none.error().code(), troupe::errc::not_found);
  EXPECT_NE(none.error().message().find("\"bob\""), std::string::npos);
  const auto other = rt.find<guard>("ann");
  EXPECT_EQ(other.error().code(), troupe::errc::type_mismatch);
  EXPECT_NE(other.error().message().find("clerk"), std::string::npos);
  EXPECT_NE(other.error().message().find("guard"), std::string::npos);
}

TEST(Find, a_name_is_taken_while_its_holder_lives_and_free_when_it_has_gone) {
  troupe::runtime rt({.workers = 2});
  auto first = rt.spawn_named<clerk>("ann");
  try {
    rt.spawn<guard>({.name = "ann"});
    FAIL();
  } catch (const troupe::troupe_error& e) {
    EXPECT_EQ(e.code(), troupe::errc::already_exists);
    EXPECT_NE(std::string(e.what()).find("\"ann\" is taken by "), std::string::npos);
    EXPECT_NE(std::string(e.what()).find("clerk#" + std::to_string(first.id())), std::string::npos);
  }
  EXPECT_EQ(rt.find<clerk>("ann").value(), first);
  for (int round = 0; round != 300; ++round) {
    auto holder = rt.find<clerk>("ann").value();
    round % 2 == 0 ? holder.close() : holder.kill();
    ASSERT_TRUE(holder.join(60s));
    ASSERT_EQ(rt.find<clerk>("ann").error(), troupe::errc::not_found);
    rt.spawn_named<clerk>("ann");
  }
}

TEST(Find, one_that_is_made_anew_keeps_its_name_and_one_whose_constructor_throws_gives_it_back) {
  class fails : public troupe::actor {
  public:
    explicit fails(bool now) {
      if (now) throw std::runtime_error("no");
    }
    void on(int) {}
  };
  troupe::runtime rt({.workers = 2});
  auto sup = rt.supervise({.backoff = {0ns, 0ns, 0}, .name = "sup"});
  auto c = sup.spawn<clerk>({.name = "ann"});
  c.send(std::string("torn"));
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(rt.find<clerk>("ann").value(), c);
  EXPECT_THROW(rt.spawn_named<fails>("f", true), std::runtime_error);
  EXPECT_TRUE(rt.spawn_named<fails>("f", false).alive());
  EXPECT_THROW(sup.spawn<clerk>({.name = "ann"}), troupe::troupe_error);
  EXPECT_EQ(sup.children().size(), 1u);
}

TEST(Find, the_list_of_actors_says_who_they_are_and_what_they_do) {
  troupe::runtime rt({.workers = 2});
  std::atomic<int> state{0};
  auto sup = rt.supervise({.name = "sup"});
  auto idle = sup.spawn<clerk>({.name = "idle"});
  auto busy = rt.spawn_named<clerk>("busy");
  auto asleep = rt.spawn_named<clerk>("asleep");
  for (int i = 0; i != 5; ++i) idle.send(i);
  asleep.send(1);
  asleep.send('z');
  busy.send(&state);
  while (state == 0) std::this_thread::sleep_for(1ms);
  const auto find = [&](const std::string& name) {
    for (const auto& a : rt.actors())
      if (a.name == name) return a;
    return troupe::actor_info{};
  };
  while (find("idle").handled != 5 || find("asleep").state != troupe::task_state::sleeping) {
    std::this_thread::sleep_for(1ms);
  }
  EXPECT_EQ(rt.actors().size(), 4u);
  const auto i = find("idle");
  EXPECT_EQ(i.who, idle);
  EXPECT_EQ(i.id, idle.id());
  EXPECT_NE(i.class_name.find("clerk"), std::string::npos);
  EXPECT_EQ(i.parent, sup);
  EXPECT_EQ(i.state, troupe::task_state::receiving);
  EXPECT_EQ(i.queued, std::optional<std::size_t>(0));
  const auto b = find("busy");
  EXPECT_EQ(b.state, troupe::task_state::running);
  EXPECT_NE(b.message.find("atomic"), std::string::npos);
  EXPECT_FALSE(b.parent);
  EXPECT_FALSE(b.queued);
  EXPECT_EQ(find("asleep").handled, 1u);
  EXPECT_EQ(find("sup").class_name, "supervisor");
  asleep.kill();
  state = 2;
}

}  // namespace
