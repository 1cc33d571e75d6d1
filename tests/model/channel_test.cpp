#include <model/model_scheduler.hpp>
#include <model/testing.hpp>

#include <troupe/scheduler/channel.hpp>
#include <troupe/scheduler/green_thread.hpp>

namespace {

using namespace troupe;
using model::check;
using model::holds;
using model::model_scheduler;
using model::together;

/// An item that is a failure to read or move where its writing cannot be known.
struct letter {
  explicit letter(int n) : n_(n) {}
  letter(letter&& other) noexcept : n_(other.n_.get()) {}
  letter& operator=(letter&& other) noexcept {
    n_.set(other.n_.get());
    return *this;
  }
  int read() const { return n_.get(); }

private:
  model::plain<int> n_;
};

/// A channel, and green threads at its ends.
struct line {
  model_scheduler home;
  channel<letter> c;
  model::plain<int> sent{0};
  model::plain<int> received{0};
  model::plain<int> sum{0};

  /// `parts`: how many of the program's threads wake green threads.
  explicit line(std::size_t capacity, int parts = 0) : home(parts), c(capacity) {}

  /// Starts one that sends `first` to `last`, and then closes the channel if told so.
  void start_sender(int first, int last, bool closes = false) { spawn(home, send, this, first, last, closes); }
  /// Starts one that receives `most` items or until the channel is closed.
  void start_receiver(int most = 100) { spawn(home, receive, this, most); }

  void work() { home.work(); }
  bool alive() { return home.strands().size() != 0; }

private:
  static task<> send(line* l, int first, int last, bool closes) {
    for (int n = first; n <= last; ++n) {
      auto sending = l->c.send(letter(n));
      if (co_await sending) l->sent.set(l->sent.get() + 1);
    }
    if (closes) l->c.close();
  }
  static task<> receive(line* l, int most) {
    for (int n = 0; n != most; ++n) {
      auto got = co_await l->c.receive();
      if (!got) co_return;
      l->note(got->read());
    }
  }
  void note(int n) {
    // Two receivers may be at it at a time: the total is what the parts see after their end.
    while (noting_.exchange(true, acquire)) cpu_relax();
    received.set(received.get() + 1);
    sum.set(10 * sum.get() + n);
    noting_.store(false, release);
  }

  atomic<bool> noting_{false};  // exchange(acquire) pairs with store(release)
};

TEST(ChannelModel, a_rendezvous_hands_each_item_over_once_and_in_order) {
  EXPECT_TRUE(holds(
      [] {
        line l(0);
        l.start_sender(1, 2);
        l.start_receiver(2);
        together({{"worker", [&] { l.work(); }}, {"another", [&] { l.work(); }}});
        check(!l.alive() && l.sent.get() == 2 && l.sum.get() == 12, "lost, twice, out of order, or still waiting");
      },
      {.old_reads = 1}));
}

TEST(ChannelModel, of_one_place_keeps_the_order_and_tells_its_end_after_the_last_item) {
  EXPECT_TRUE(holds(
      [] {
        line l(1);
        l.start_sender(1, 3, true);
        l.start_receiver();
        together({{"worker", [&] { l.work(); }}, {"another", [&] { l.work(); }}});
        check(!l.alive() && l.sent.get() == 3 && l.sum.get() == 123, "lost, twice, out of order, or still waiting");
      },
      {.old_reads = 1}));
}

TEST(ChannelModel, a_receiver_that_makes_room_lets_a_sender_in) {
  EXPECT_TRUE(holds(
      [] {
        line l(1);
        l.start_sender(1, 2);
        l.start_receiver(1);
        together({{"worker", [&] { l.work(); }}, {"another", [&] { l.work(); }}});
        check(!l.alive() && l.sent.get() == 2 && l.sum.get() == 1 && l.c.size() == 1, "the sender waits beside room");
      },
      {.old_reads = 1}));
}

TEST(ChannelModel, an_item_that_comes_while_two_begin_to_wait_is_had_by_one) {
  EXPECT_TRUE(holds(
      [] {
        line l(1, 1);
        l.start_receiver(1);
        l.start_receiver(1);
        bool went = false;
        together({{"worker", [&] { l.work(); }}, {"sender", [&] {
                                                    went = l.c.try_send(letter(7)).has_value();
                                                    l.c.close();
                                                    l.home.part_ends();
                                                  }}});
        check(went && !l.alive() && l.received.get() == 1 && l.sum.get() == 7, "not had by exactly one");
      },
      {.old_reads = 1}));
}

TEST(ChannelModel, an_item_and_the_end_that_race_leave_nothing_behind) {
  for (std::size_t capacity : {std::size_t{0}, std::size_t{1}}) {
    EXPECT_TRUE(holds(
        [capacity] {
          line l(capacity, 1);
          l.start_receiver();
          l.start_sender(7, 7);
          together({{"worker", [&] { l.work(); }}, {"closer", [&] {
                                                      l.c.close();
                                                      l.home.part_ends();
                                                    }}});
          check(!l.alive(), "somebody still waits at a closed channel");
          check(l.sent.get() == l.received.get() && l.c.size() == 0, "sent but not received, or the reverse");
        },
        {.preemptions = 3, .old_reads = 1}));
  }
}

TEST(ChannelModel, whoever_waits_to_send_is_told_of_the_end) {
  EXPECT_TRUE(holds(
      [] {
        line l(0, 1);
        l.start_sender(7, 7);
        together({{"worker", [&] { l.work(); }}, {"closer", [&] {
                                                    l.c.close();
                                                    l.home.part_ends();
                                                  }}});
        check(!l.alive() && l.sent.get() == 0, "sent to nobody, or still waiting");
      },
      {.preemptions = 3}));
}

TEST(ChannelModel, an_offer_to_one_who_waits_at_a_rendezvous_is_taken) {
  EXPECT_TRUE(holds([] {
    line l(0, 1);
    l.start_receiver(1);
    model_scheduler& home = l.home;
    model::atomic<bool> waits{false};
    together({{"worker",
               [&] {
                 home.run_waiting();  // until the receiver waits
                 waits.store(true, release);
                 l.work();
               }},
              {"sender", [&] {
                 while (!waits.load(acquire)) cpu_relax();
                 check(l.c.try_send(letter(7)).has_value(), "refused beside somebody who waits for it");
                 home.part_ends();
               }}});
    check(!l.alive() && l.sum.get() == 7, "not received");
  }));
}

TEST(ChannelModel, an_offer_to_the_second_who_waits_at_a_rendezvous_is_taken) {
  EXPECT_TRUE(holds([] {
    line l(0, 1);
    l.start_receiver(1);
    l.start_receiver(1);
    model_scheduler& home = l.home;
    model::atomic<bool> waits{false};
    together({{"worker",
               [&] {
                 home.run_waiting();  // until both receivers wait
                 waits.store(true, release);
                 l.work();
               }},
              {"sender", [&] {
                 while (!waits.load(acquire)) cpu_relax();
                 for (const int n : {3, 4})
                   check(l.c.try_send(letter(n)).has_value(), "refused beside somebody who waits for it");
                 home.part_ends();
               }}});
    check(!l.alive() && l.received.get() == 2, "not received");
  }));
}

TEST(ChannelModel, what_was_handed_to_one_who_is_killed_goes_to_the_next_or_stays) {
  EXPECT_TRUE(holds(
      [] {
        line l(1, 2);
        l.start_receiver(1);
        l.start_receiver(1);
        strand* oldest = nullptr;
        l.home.strands().for_each([&](strand& s) { oldest = oldest ? oldest : &s; });  // none has gone: in order
        bool went = false;
        together({{"worker", [&] { l.work(); }},
                  {"sender",
                   [&] {
                     went = l.c.try_send(letter(7)).has_value();
                     l.home.part_ends();
                   }},
                  {"killer", [&] {
                     l.home.strands().for_each([&](strand& s) {
                       if (&s == oldest) s.request_kill();
                     });
                     l.home.part_ends();
                   }}});
        check(went, "refused beside room");
        check(l.received.get() + static_cast<int>(l.c.size()) == 1, "lost or twice");
        check(l.c.size() == 0 || !l.alive(), "somebody waits beside an item");
        l.c.close();
        l.work();
        check(!l.alive(), "somebody still waits at a closed channel");
      },
      {.old_reads = 0}));
}

}  // namespace
