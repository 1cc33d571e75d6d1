// What the counts say while an actor is still at the messages of its streams.

#include <troupe/troupe.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>

namespace live_counts {

using namespace std::chrono_literals;

struct note {
  int n = 0;
  std::shared_ptr<int> weight = std::make_shared<int>(0);  // so that one destroyed twice or never shows
};
struct begin {};
struct look {};

struct figures {
  std::uint64_t handled = 0;
  std::uint64_t of_class = 0;
};

template <class A>
figures look_at(const troupe::runtime& rt) {
  const auto all = rt.statistics();
  const auto* const c = all.find(troupe::type_name<A>());
  return {all.counts.handled, c ? c->handled : 0};
}

constexpr std::uint64_t few = 10;

TEST(LiveCounts, of_handled_messages_do_not_run_below_zero_where_a_published_one_is_put_off) {
  class reader : public troupe::actor {
  public:
    reader(troupe::runtime& rt, figures& seen) : rt_(&rt), seen_(&seen) {}
    void on(const note&) {
      stash();
      *seen_ = look_at<reader>(*rt_);
    }

  private:
    troupe::runtime* rt_;
    figures* seen_;
  };
  figures seen{few, few};
  troupe::runtime rt({.workers = 1, .measure = true});
  troupe::exchange<note> notes(rt, "notes");
  const auto r = rt.spawn<reader>(std::ref(rt), std::ref(seen));
  auto sub = notes.attach(r);
  for (int i = 0; i != 3; ++i) notes.publish(note{i});
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(seen.handled, 0u);
  EXPECT_EQ(seen.of_class, 0u);
  EXPECT_EQ(rt.counts().handled, 0u);
  EXPECT_EQ(rt.counts().queued(), 3u);
  EXPECT_EQ(rt.actors().front().handled, 0u);
}

/// Publishes in its handler what no state of it handles, which so comes in the same slice.
class moody : public troupe::actor {
  struct awake {
    void on(const note&) {}
  };

public:
  using states = troupe::states<awake>;
  moody(troupe::runtime& rt, troupe::exchange<note>& to, std::string key, figures& seen)
      : rt_(&rt), to_(&to), key_(std::move(key)), seen_(&seen) {}
  void on(begin) {
    for (int i = 0; i != 5; ++i) to_->publish(key_, note{i});
    self(this).send(look{});
  }
  void on(look) { *seen_ = look_at<moody>(*rt_); }

private:
  troupe::runtime* rt_;
  troupe::exchange<note>* to_;
  std::string key_;
  figures* seen_;
};

class LiveCountsOfExchange : public testing::TestWithParam<troupe::exchange_kind> {};

TEST_P(LiveCountsOfExchange, do_not_run_below_zero_where_nobody_handles_what_is_published) {
  const std::string key = GetParam() == troupe::exchange_kind(troupe::direct{}) ? "k" : "";
  figures seen{few + 1, few + 1};
  troupe::runtime rt({.workers = 1, .measure = true});
  troupe::exchange<note> notes(rt, "notes", GetParam());
  const auto m = rt.spawn<moody>(std::ref(rt), std::ref(notes), key, std::ref(seen));
  auto sub = notes.attach(m, key);
  ASSERT_TRUE(rt.wait_idle(60s));
  m.send(begin{});
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_LE(seen.handled, few);
  EXPECT_LE(seen.of_class, few);
  const auto counts = rt.counts();
  EXPECT_EQ(counts.handled, 2u);
  EXPECT_EQ(counts.dead_letters, 5u);
  EXPECT_EQ(counts.queued(), 0u);
  EXPECT_EQ(look_at<moody>(rt).of_class, 2u);
  EXPECT_EQ(rt.actors().front().handled, 2u);
}

INSTANTIATE_TEST_SUITE_P(Kinds, LiveCountsOfExchange,
                         testing::Values(troupe::exchange_kind(troupe::fanout{}),
                                         troupe::exchange_kind(troupe::direct{}),
                                         troupe::exchange_kind(troupe::work_queue{})));

/// Puts a note off, and then does what does not become it.
class careless : public troupe::actor {
public:
  explicit careless(bool twice) : twice_(twice) {}
  void on(const note& n) {
    if (n.n == 0) return;
    stash();
    if (twice_) stash();
    throw std::runtime_error("torn");
  }

private:
  bool twice_;
};

TEST(LiveCounts, know_a_published_message_that_is_put_off_before_its_handler_throws_by_its_last_fate_alone) {
  for (const bool twice : {false, true}) {
    troupe::runtime rt({.workers = 1, .measure = true});
    troupe::exchange<note> notes(rt, "notes");
    const auto c = rt.spawn<careless>(twice);
    auto sub = notes.attach(c);
    notes.publish(note{0});
    notes.publish(note{1});
    const auto why = c.join(60s).value();
    EXPECT_NE(why.text.find(twice ? "twice" : "torn"), std::string::npos) << why.text;
    ASSERT_TRUE(rt.wait_idle(60s));
    const auto counts = rt.counts();
    EXPECT_EQ(counts.handled, 1u);
    EXPECT_EQ(counts.failed, 0u) << "as one that was sent";
    EXPECT_EQ(counts.dropped, 1u) << "with the stash";
    EXPECT_EQ(counts.queued(), 0u);
    EXPECT_EQ(look_at<careless>(rt).of_class, 1u);
  }
}

TEST(LiveCounts, know_one_that_is_put_off_and_handled_by_a_coroutine_nevertheless_as_two) {
  class undecided : public troupe::actor {
  public:
    troupe::task<> on(const note&) {
      stash();
      return finish();
    }

  private:
    static troupe::task<> finish() { co_await troupe::this_task::yield(); }
  };
  troupe::runtime rt({.workers = 1, .measure = true});
  troupe::exchange<note> notes(rt, "notes");
  const auto u = rt.spawn<undecided>();
  auto sub = notes.attach(u);
  notes.publish(note{1});
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(rt.counts().handled, 1u);
  EXPECT_EQ(rt.counts().queued(), 1u);
  u.close();
  ASSERT_TRUE(u.join(60s));
  ASSERT_TRUE(rt.wait_idle(60s));
  EXPECT_EQ(rt.counts().dead_letters, 1u);
  EXPECT_EQ(rt.counts().queued(), 0u);
}

}  // namespace live_counts
