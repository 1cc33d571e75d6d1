// Messages, questions and ends across the border between Troupe's actors and CAF's.

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <troupe/base/log.hpp>
#include <troupe/exchange/exchange.hpp>
#include <troupe/remote/caf.hpp>
#include <troupe/testing/conserved.hpp>

#include "../common.hpp"

namespace {

using namespace std::chrono_literals;
using tests::eventually;

#ifdef __SANITIZE_THREAD__
constexpr std::uint64_t messages = 20'000;  // on a machine that is busy it takes a hundred times as long
#else
constexpr std::uint64_t messages = 1'000'000;
#endif

// Messages are plain structs: nothing of CAF's is said of them.
struct tick {
  std::string symbol;
  double price = 0;
};
struct get_mean {
  int of = 0;
};
struct mean_is {
  double value = 0;
  std::vector<std::string> symbols;
};
struct numbered {
  std::uint64_t from = 0, n = 0;
};
struct unheard_of {
  int i = 0;
};
struct parcel {
  std::unique_ptr<int> inside;
};
struct stop_now {};

/// The mean of what it was sent, in Troupe's words.
class mean : public troupe::actor {
public:
  void on(const tick& t) {
    sum_ += t.price;
    symbols_.push_back(t.symbol);
  }
  mean_is on(const get_mean&) { return {sum_ / static_cast<double>(symbols_.size()), symbols_}; }
  void on(const stop_now&) { exit("out of ticks", 7); }

private:
  double sum_ = 0;
  std::vector<std::string> symbols_;
};

/// The same in CAF's.
struct mean_state {
  double sum = 0;
  std::vector<std::string> symbols;
};
caf::behavior caf_mean(caf::stateful_actor<mean_state>* self) {
  return {
      [=](const tick& t) {
        self->state.sum += t.price;
        self->state.symbols.push_back(t.symbol);
      },
      [=](const get_mean&) {
        return mean_is{self->state.sum / static_cast<double>(self->state.symbols.size()), self->state.symbols};
      },
      [=](stop_now) { self->quit(caf::exit_reason::out_of_workers); },
  };
}

/// Says nothing of what it does not expect, nor of exceptions.
template <class Behavior>
auto quietly(Behavior make) {
  return [=](caf::event_based_actor* self) -> caf::behavior {
    self->set_default_handler(caf::drop);
    self->set_exception_handler(
        [](caf::scheduled_actor*, std::exception_ptr&) -> caf::error { return caf::exit_reason::unhandled_exception; });
    return make(self);
  };
}

class caf_border : public testing::Test {
protected:
  troupe::runtime rt{{.workers = 2}};
  troupe::testing::conserved guard{rt};
  troupe::caf_system sys{rt};
};

// --- sends, requests and replies -----------------------------------------------------------------------------------

TEST_F(caf_border, a_caf_actor_is_sent_to_and_asked_as_any_other) {
  const auto m = sys.to_troupe<tick, mean_is(get_mean)>(sys->spawn(caf_mean));
  m.send(tick{"ACME", 10});
  m.send<tick>("EMCA", 20.0);
  const auto reply = m.ask(get_mean{1}, 10s).get();
  ASSERT_TRUE(reply) << reply.error();
  EXPECT_EQ(reply->value, 15);
  EXPECT_EQ(reply->symbols, (std::vector<std::string>{"ACME", "EMCA"}));
  m.close();
  EXPECT_EQ(m.join(10s).value().kind, troupe::exit_kind::normal);
}

TEST_F(caf_border, a_troupe_actor_is_sent_to_and_requested_as_any_of_cafs) {
  const auto m = rt.spawn<mean>();
  const caf::actor handle = sys.to_caf<tick, mean_is(get_mean)>(m);
  caf::scoped_actor self(*sys);
  self->send(handle, tick{"ACME", 10});
  caf::anon_send(handle, tick{"EMCA", 20});
  mean_is got;
  ASSERT_TRUE(eventually([&] {
    self->request(handle, 10s, get_mean{1}).receive([&](mean_is& r) { got = r; }, [](caf::error&) { FAIL(); });
    return got.symbols.size() == 2;
  }));
  EXPECT_EQ(got.value, 15);
}

TEST_F(caf_border, numbers_and_texts_cross_as_they_are) {
  class echo : public troupe::actor {
  public:
    int on(int i) { return i + 1; }
    std::string on(std::string s) { return s + "!"; }
    double on(long long l) { return static_cast<double>(l) / 2; }
  };
  const caf::actor in_caf = sys.to_caf<int(int), std::string(std::string), double(long long)>(rt.spawn<echo>());
  // There and back again.
  const auto there = sys.to_troupe<int(int), std::string(std::string), double(long long)>(in_caf);
  EXPECT_EQ(there.ask(1, 10s).get().value(), 2);
  EXPECT_EQ(there.ask(std::string("hello"), 10s).get().value(), "hello!");
  EXPECT_EQ(there.ask(5LL, 10s).get().value(), 2.5);
}

TEST_F(caf_border, a_move_only_message_is_moved_across) {
  class box : public troupe::actor {
  public:
    int on(parcel p) { return *p.inside; }
  };
  const auto box_of_troupe = rt.spawn<box>();
  const auto in_caf = sys->spawn(
      [=](caf::event_based_actor*) -> caf::behavior { return {[](parcel& p) { return *std::move(p.inside) + 1; }}; });
  const auto to = sys.to_troupe<int(parcel)>(in_caf);
  EXPECT_EQ(to.ask<parcel>(10s, std::make_unique<int>(41)).get().value(), 42);
  to.close();
}

TEST_F(caf_border, questions_time_out_on_either_side) {
  class mute : public troupe::actor {
  public:
    void on(const get_mean&, troupe::promise<mean_is> p) { kept_.push_back(std::move(p)); }

  private:
    std::vector<troupe::promise<mean_is>> kept_;
  };
  caf::scoped_actor self(*sys);
  self->request(sys.to_caf<mean_is(get_mean)>(rt.spawn<mute>()), 20ms, get_mean{1})
      .receive([](mean_is&) { FAIL(); }, [](const caf::error& e) { EXPECT_EQ(e, caf::sec::request_timeout); });
  const auto silent = sys->spawn([](caf::event_based_actor* me) -> caf::behavior {
    return {[=](const get_mean&) { return me->make_response_promise<mean_is>(); }};
  });
  const auto in_troupe = sys.to_troupe<mean_is(get_mean)>(silent);
  EXPECT_EQ(in_troupe.ask(get_mean{1}, 20ms).get().error(), troupe::errc::timeout);
  auto open = in_troupe.ask(get_mean{2}, 10s);
  in_troupe.close();
  EXPECT_EQ(open.get().error(), troupe::errc::closed) << "who will not answer any more says so";
}

TEST_F(caf_border, a_question_that_fails_says_why_on_the_other_side) {
  class thrower : public troupe::actor {
  public:
    mean_is on(const get_mean&) { throw std::runtime_error("out of paper"); }
  };
  troupe::set_log_sink([](std::string_view) noexcept {});
  caf::scoped_actor self(*sys);
  const auto throws_here = rt.spawn<thrower>();
  const caf::actor in_caf = sys.to_caf<mean_is(get_mean)>(throws_here);
  self->request(in_caf, 10s, get_mean{1})
      .receive([](mean_is&) { FAIL(); },
               [&](const caf::error& e) {
                 EXPECT_EQ(e, caf::sec::runtime_error);
                 EXPECT_TRUE(tests::contains(caf::to_string(e), "out of paper")) << caf::to_string(e);
               });
  (void)throws_here.join(10s);
  self->request(in_caf, 10s, get_mean{1})
      .receive([](mean_is&) { FAIL(); }, [&](const caf::error& e) { EXPECT_EQ(e, caf::sec::request_receiver_down); });
  self->request(in_caf, 10s, unheard_of{1})
      .receive([] { FAIL(); }, [&](const caf::error& e) { EXPECT_EQ(e, caf::sec::unexpected_message); });
  const auto throws = sys.to_troupe<mean_is(get_mean)>(sys->spawn(quietly([](caf::event_based_actor*) -> caf::behavior {
    return {[](const get_mean&) -> mean_is { throw std::runtime_error("out of ink"); }};
  })));
  EXPECT_FALSE(throws.ask(get_mean{1}, 10s).get());
  EXPECT_EQ(throws.join(10s).value().kind, troupe::exit_kind::crashed);
  const auto deaf = sys.to_troupe<int(unheard_of)>(
      sys->spawn(quietly([](caf::event_based_actor*) -> caf::behavior { return {[](const tick&) {}}; })));
  EXPECT_EQ(deaf.ask(unheard_of{1}, 10s).get().error(), troupe::errc::unhandled);
  deaf.close();
  (void)deaf.join(10s);
  troupe::set_log_sink(nullptr);
}

// --- exchanges -----------------------------------------------------------------------------------------------------

TEST_F(caf_border, a_caf_actor_subscribes_and_its_end_detaches_it) {
  troupe::exchange<tick> ticks(rt, "ticks");
  const auto m = sys.to_troupe<tick, mean_is(get_mean), stop_now>(sys->spawn(caf_mean));
  auto sub = ticks.attach(m);
  EXPECT_EQ(ticks.publish({"ACME", 3}), 1u);
  EXPECT_EQ(ticks.publish({"ACME", 5}), 1u);
  EXPECT_EQ(m.ask(get_mean{1}, 10s).get().value().value, 4)
      << "what was published comes before what is then asked (C1)";
  m.send(stop_now{});
  const troupe::exit_reason why = m.join(10s).value();
  EXPECT_EQ(why.kind, troupe::exit_kind::exited);
  EXPECT_EQ(why.code, static_cast<int>(caf::exit_reason::out_of_workers));
  EXPECT_EQ(ticks.subscribers(), 0u);
  EXPECT_EQ(ticks.publish({"ACME", 5}), 0u);
}

TEST_F(caf_border, a_caf_actor_publishes) {
  troupe::exchange<tick> ticks(rt, "ticks");
  const auto m = rt.spawn<mean>();
  auto sub = ticks.attach(m);
  const auto publisher = sys->spawn([ticks](caf::event_based_actor* me) -> caf::behavior {
    return {[=](int n) {
      auto out = ticks;
      for (int i = 0; i != n; ++i) out.publish({std::to_string(i), 1.0 * i});
      me->quit();
    }};
  });
  caf::anon_send(publisher, 100);
  caf::scoped_actor(*sys)->wait_for(publisher);
  const auto all = m.ask(get_mean{1}, 10s).get().value();
  ASSERT_EQ(all.symbols.size(), 100u);
  for (std::size_t i = 0; i != 100; ++i) EXPECT_EQ(all.symbols[i], std::to_string(i));
}

/// CAF's own groups end the publisher in this case (actor-framework#1111).
TEST_F(caf_border, what_a_subscriber_does_not_take_is_a_dead_letter_and_its_publisher_lives_on) {
  troupe::exchange<unheard_of> news(rt, "news");
  const auto deaf =
      sys->spawn(quietly([](caf::event_based_actor*) -> caf::behavior { return {[](const get_mean&) { return 1; }}; }));
  const auto in_troupe = sys.to_troupe<unheard_of, int(get_mean)>(deaf);
  auto sub = news.attach(in_troupe);
  const auto publisher = sys->spawn([news](caf::event_based_actor*) -> caf::behavior {
    return {[=](int n) {
      auto out = news;
      for (int i = 0; i != n; ++i) out.publish({i});
      return n;
    }};
  });
  caf::scoped_actor self(*sys);
  for (int i = 0; i != 3; ++i)
    self->request(publisher, 10s, 10).receive([](int n) { EXPECT_EQ(n, 10); }, [](caf::error&) { FAIL(); });
  EXPECT_EQ(in_troupe.ask(get_mean{1}, 10s).get().value(), 1);
  EXPECT_TRUE(eventually([&] { return rt.counts().dead_letters == 30; })) << rt.counts().dead_letters;
  caf::anon_send_exit(publisher, caf::exit_reason::user_shutdown);
  in_troupe.close();
}

// --- ends ----------------------------------------------------------------------------------------------------------

TEST_F(caf_border, caf_actors_monitor_and_link_to_troupes) {
  caf::scoped_actor self(*sys);
  struct one_end {
    std::function<void(const troupe::ref<mean>&)> how;
    caf::error expected;
  };
  const std::vector<one_end> ends{
      {[](const auto& m) { m.close(); }, {}},
      {[](const auto& m) { m.kill(); }, caf::exit_reason::kill},
      {[](const auto& m) { m.send(stop_now{}); }, {7, caf::atom("troupe"), caf::make_message("out of ticks")}},
  };
  for (const one_end& each : ends) {
    const auto m = rt.spawn<mean>();
    const caf::actor handle = sys.to_caf<tick>(m);
    self->monitor(handle);
    const auto linked = sys->spawn([=](caf::event_based_actor* me) -> caf::behavior {
      me->link_to(handle);
      me->set_exit_handler([=](caf::exit_msg& e) { me->quit(std::move(e.reason)); });
      return {[](int) { return 1; }};
    });
    self->request(linked, 10s, 1).receive([](int) {}, [](caf::error&) { FAIL(); });
    self->monitor(linked);
    each.how(m);
    for (int i = 0; i != 2; ++i)
      self->receive([&](const caf::down_msg& d) { EXPECT_EQ(d.reason, each.expected) << caf::to_string(d.reason); });
  }
}

TEST_F(caf_border, troupes_actors_monitor_and_link_to_cafs) {
  class watcher : public troupe::actor {
  public:
    watcher(troupe::any_ref other, std::atomic<int>& seen) : seen_(&seen) { monitor(this, other); }
    void on(const troupe::down& d) { *seen_ = static_cast<int>(d.reason.kind) + 1; }

  private:
    std::atomic<int>* seen_;
  };
  class linked : public troupe::actor {
  public:
    explicit linked(troupe::any_ref other) { link(other); }
    void on(int) {}
  };
  const std::vector<std::pair<caf::error, troupe::exit_kind>> ends{
      {caf::exit_reason::user_shutdown, troupe::exit_kind::shutdown},
      {caf::exit_reason::kill, troupe::exit_kind::killed},
      {caf::exit_reason::unhandled_exception, troupe::exit_kind::crashed},
      {caf::exit_reason::remote_link_unreachable, troupe::exit_kind::exited},
  };
  for (const auto& [reason, kind] : ends) {
    const auto in_caf = sys->spawn(caf_mean);
    const auto m = sys.to_troupe<tick>(in_caf);
    std::atomic<int> seen = 0;
    const auto w = rt.spawn<watcher>(m, seen);
    const auto l = rt.spawn<linked>(m);
    caf::anon_send_exit(in_caf, caf::exit_reason(reason.code()));
    EXPECT_TRUE(eventually([&] { return seen != 0; }));
    EXPECT_EQ(seen, static_cast<int>(kind) + 1);
    (void)m.join(10s);
    const auto end = l.join(10s).value();
    EXPECT_EQ(end.kind, kind) << to_string(end);
    w.close();
    (void)w.join(10s);
  }
}

TEST_F(caf_border, an_exit_message_of_cafs_ends_a_troupe_actor) {
  const std::vector<std::pair<caf::exit_reason, troupe::exit_kind>> ends{
      {caf::exit_reason::user_shutdown, troupe::exit_kind::normal},
      {caf::exit_reason::kill, troupe::exit_kind::killed},
      {caf::exit_reason::out_of_workers, troupe::exit_kind::exited},
  };
  for (const auto& [reason, kind] : ends) {
    const auto m = rt.spawn<mean>();
    caf::anon_send_exit(sys.to_caf<tick>(m), reason);
    EXPECT_EQ(m.join(10s).value().kind, kind);
  }
}

TEST_F(caf_border, a_request_to_an_actor_that_has_ended_fails) {
  const auto m = rt.spawn<mean>();
  const auto h = sys.to_caf<tick>(m);
  m.kill();
  ASSERT_TRUE(m.join(10s).has_value());
  caf::error why;
  caf::scoped_actor(*sys)->request(h, 10s, tick{"ACME", 1}).receive([] { FAIL(); }, [&](caf::error& e) { why = e; });
  EXPECT_EQ(why, caf::sec::request_receiver_down);
}

/// Begins when it is told to.
class late_reader : public troupe::actor {
public:
  late_reader(std::atomic<bool>& begin, std::atomic<int>& got) : begin_(&begin), got_(&got) {}
  void on(const tick&) {
    while (!*begin_) std::this_thread::sleep_for(1ms);
    ++*got_;
  }

private:
  std::atomic<bool>* begin_;
  std::atomic<int>* got_;
};

TEST_F(caf_border, a_full_mailbox_that_blocks_loses_nothing_that_comes_from_caf) {
  std::atomic<bool> begin = false;
  std::atomic<int> got = 0;
  const auto r = rt.spawn<late_reader>({.mailbox = troupe::mailbox_options{.capacity = 3}}, begin, got);
  const auto h = sys.to_caf<tick>(r);
  for (int i = 0; i != 100; ++i) caf::anon_send(h, tick{"ACME", 1});
  begin = true;
  EXPECT_TRUE(eventually([&] { return got == 100; })) << got;
}

TEST_F(caf_border, to_kill_a_reference_kills_the_caf_actor) {
  caf::error why;
  std::atomic<bool> over = false;
  const auto in_caf = sys->spawn(quietly([](caf::event_based_actor*) -> caf::behavior { return {[](stop_now) {}}; }));
  in_caf->attach_functor([&](const caf::error& e) {
    why = e;
    over = true;
  });
  sys.to_troupe<stop_now>(in_caf).kill();
  ASSERT_TRUE(eventually([&] { return over.load(); }));
  EXPECT_EQ(why, caf::exit_reason::kill);
}

TEST_F(caf_border, what_was_sent_before_a_close_is_handled_by_the_caf_actor) {
  std::atomic<int> got = 0;
  const auto in_caf =
      sys->spawn([&](caf::event_based_actor*) -> caf::behavior { return {[&](const tick&) { ++got; }}; });
  const auto m = sys.to_troupe<tick>(in_caf);
  for (int i = 0; i != 1000; ++i) m.send(tick{"ACME", 1});
  m.close();
  (void)m.join(10s);
  caf::scoped_actor(*sys)->wait_for(in_caf);
  EXPECT_EQ(got, 1000);
}

TEST_F(caf_border, a_dropped_handle_leaves_nothing_behind) {
  const auto m = rt.spawn<mean>();
  for (int i = 0; i != 1000; ++i) caf::anon_send(sys.to_caf<tick>(m), tick{"ACME", 1});
  EXPECT_TRUE(m.alive());
  m.close();
  (void)m.join(10s);
}

// --- order, conservation and bad times -----------------------------------------------------------------------------

/// Whether what each sender has numbered comes in that order.
struct ordered {
  std::array<std::uint64_t, 16> next{};
  std::uint64_t got = 0, wrong = 0;
  void take(const numbered& m) {
    if (next[m.from]++ != m.n) ++wrong;
    ++got;
  }
};

class ordered_actor : public troupe::actor {
public:
  void on(const numbered& m) { seen_.take(m); }
  std::pair<std::uint64_t, std::uint64_t> on(const get_mean&) { return {seen_.got, seen_.wrong}; }

private:
  ordered seen_;
};

/// C1 and C3: 8 threads send, half of them by Troupe's reference and half by CAF's handle, to two actors behind both
/// borders: one of CAF's that hands on to one of Troupe's.
TEST_F(caf_border, a_million_messages_from_eight_threads_cross_twice_in_order) {
  constexpr std::uint64_t each = messages / 8;
  const auto last = rt.spawn<ordered_actor>();
  const caf::actor last_in_caf = sys.to_caf<numbered>(last);
  std::atomic<std::uint64_t> wrong = 0, got = 0;
  const auto middle = sys->spawn([&, last_in_caf](caf::event_based_actor* me) -> caf::behavior {
    auto seen = std::make_shared<ordered>();
    return {[=, &wrong, &got](const numbered& m) {
      seen->take(m);
      wrong = seen->wrong;
      got = seen->got;
      me->send(last_in_caf, m);
    }};
  });
  const auto to_middle = sys.to_troupe<numbered>(middle);
  std::vector<std::thread> senders;
  for (std::uint64_t from = 0; from != 8; ++from)
    senders.emplace_back([&, from] {
      for (std::uint64_t n = 0; n != each; ++n) {
        if (from % 2 == 0)
          to_middle.send(numbered{from, n});
        else
          caf::anon_send(middle, numbered{from, n});
      }
    });
  for (std::thread& t : senders) t.join();
  ASSERT_TRUE(rt.wait_idle(100s));
  EXPECT_EQ(got, 8 * each);
  EXPECT_EQ(wrong, 0u);
  const auto counts = rt.counts();
  EXPECT_EQ(counts.queued(), 0u);
  EXPECT_EQ(counts.handled, 4 * each + 4 * each + 8 * each)
      << "half of them to the stand-in and across, all of them back";
  EXPECT_EQ(last.ask(get_mean{1}, 10s).get().value(), std::pair(8 * each, std::uint64_t{0}));
  to_middle.close();
}

TEST(caf_border_bad_times, a_system_ends_while_messages_cross) {
  troupe::set_log_sink([](std::string_view) noexcept {});
  for (int round = 0; round != 5; ++round) {
    troupe::runtime rt({.workers = 2});
    const troupe::testing::conserved guard(rt);
    const auto last = rt.spawn<ordered_actor>();
    std::atomic<bool> stop = false;
    std::vector<std::thread> senders;
    {
      troupe::caf_system sys(rt);
      const auto middle = sys->spawn([h = sys.to_caf<numbered>(last)](caf::event_based_actor* me) -> caf::behavior {
        return {[=](const numbered& m) { me->send(h, m); }};
      });
      const auto to_middle = sys.to_troupe<numbered>(middle);
      for (std::uint64_t from = 0; from != 2; ++from)
        senders.emplace_back([&stop, to_middle, from] {
          for (std::uint64_t n = 0; !stop; ++n) to_middle.send(numbered{from, n});
        });
      std::this_thread::sleep_for(10ms);
      (void)sys.shutdown(100ms);
    }
    std::this_thread::sleep_for(1ms);
    stop = true;
    for (std::thread& t : senders) t.join();
    EXPECT_TRUE(last.alive());
  }
  troupe::set_log_sink(nullptr);
}

TEST(caf_border_bad_times, references_may_be_used_after_the_runtime_has_gone) {
  troupe::set_log_sink([](std::string_view) noexcept {});
  troupe::ref<troupe::caf_actor<tick>> m;
  {
    troupe::runtime rt({.workers = 2});
    troupe::caf_system sys(rt);
    const auto in_caf = sys->spawn(caf_mean);
    m = sys.to_troupe<tick>(in_caf);
    const caf::actor back = sys.to_caf<tick>(rt.spawn<mean>());
    m.send(tick{"ACME", 1});
    rt.shutdown(10s);
    EXPECT_FALSE(m.alive());
    m.send(tick{"ACME", 1});
    caf::anon_send(back, tick{"ACME", 1});
    caf::scoped_actor self(*sys);
    self->request(back, 10s, tick{"ACME", 1}).receive([] {}, [](caf::error&) {});
    self->monitor(back);
    self->receive([](const caf::down_msg&) {});
  }
  m.send(tick{"ACME", 1});
  m.close();
  EXPECT_FALSE(m.alive());
  troupe::set_log_sink(nullptr);
}

}  // namespace
