#include <troupe/actors/runtime.hpp>
#include <troupe/scheduler/this_task.hpp>

#include <gtest/gtest.h>

#include <string>

namespace state_machines {

using namespace std::chrono_literals;
using troupe::errc;

struct push {};
struct lock_it {
  int code = 0;
};
struct unlock {
  int code = 0;
};
struct how_is_it {};
struct owned {
  int n = 0;
};

class door : public troupe::actor {
  struct closed {
    door* self;
    void on(const push&) { self->become(self->open_); }
    bool on(lock_it l) {
      self->locked_.code = l.code;
      self->become(self->locked_);
      return true;
    }
  };
  struct open {
    door* self;
    void on(const push&) { self->unbecome(); }
    std::string on(how_is_it) const { return "open"; }
  };
  struct locked {
    door* self;
    int code = 0;
    troupe::task<bool> on(const unlock& u) {
      const bool right = u.code == code;
      co_await troupe::this_task::yield();
      if (right) self->unbecome();
      co_return right;
    }
    std::string on(how_is_it) const { return "locked"; }
    void on(owned&&) {}
  };

public:
  using states = troupe::states<open, closed, locked>;

  door() { become(closed_); }
  std::string on(how_is_it) const { return "somehow"; }

private:
  closed closed_{this};
  open open_{this};
  locked locked_{this};
};

static_assert(troupe::handles<door, push> && troupe::handles<door, unlock> && troupe::handles<door, owned>);
static_assert(!troupe::handles<door, int>);
static_assert(std::is_same_v<troupe::reply_of<door, unlock>, bool>);
static_assert(troupe::handles_shared<door, push> && !troupe::handles_shared<door, owned>);

class States : public testing::Test {
protected:
  std::string look() { return d.ask(how_is_it{}).get().value(); }
  troupe::runtime rt{troupe::runtime_options{.workers = 2}};
  troupe::ref<door> d = rt.spawn_named<door>("the door");
};

TEST_F(States, handle_what_they_declare_and_the_actor_the_rest) {
  EXPECT_EQ(look(), "somehow");
  d.send(push{});
  EXPECT_EQ(look(), "open");
  d.send(push{});
  EXPECT_EQ(look(), "somehow");
  EXPECT_TRUE(d.ask(lock_it{5}).get().value());
  EXPECT_EQ(look(), "locked");
  EXPECT_FALSE(d.ask(unlock{4}).get().value());
  EXPECT_TRUE(d.ask(unlock{5}).get().value());
  EXPECT_EQ(look(), "somehow");
}

TEST_F(States, within_others_leave_them_what_they_do_not_handle) {
  d.send(lock_it{1});
  d.send(push{});  // the state `closed` around `locked` handles it
  EXPECT_EQ(look(), "open");
}

TEST_F(States, that_do_not_handle_a_message_make_it_a_dead_letter_and_answer_who_asked) {
  const auto got = d.ask(unlock{1}).get();
  EXPECT_EQ(got.error(), errc::unhandled);
  EXPECT_EQ(got.error().message(),
            "the door has no handler for state_machines::unlock in its state state_machines::door::closed");
  d.send(unlock{1});
  d.send(owned{});
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(rt.counts().dead_letters, 3u);
  EXPECT_EQ(rt.counts().handled, 0u);
  EXPECT_EQ(rt.counts().queued(), 0u);
}

TEST_F(States, are_reached_by_addresses) {
  const troupe::address<bool(lock_it)> a = d;
  const troupe::address<push> b = d;
  EXPECT_TRUE(a.ask({3}).get().value());
  b.send({});
  EXPECT_EQ(look(), "open");
}

TEST(StatesOfAnActor, must_be_declared_by_its_class) {
  struct stranger {
    void on(int) {}
  };
  class simple : public troupe::actor {
  public:
    void on(int) { become(other_); }

  private:
    stranger other_;
  };
  troupe::runtime rt({.workers = 1});
  const auto s = rt.spawn<simple>();
  s.send(1);
  const auto why = s.join(60s).value();
  EXPECT_NE(why.text.find("whose class does not declare it: `using states"), std::string::npos) << why.text;
}

}  // namespace state_machines
