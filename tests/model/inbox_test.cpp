#include <model/testing.hpp>

#include <array>
#include <utility>

#include <troupe/actors/detail/inbox.hpp>

namespace {

using namespace troupe;
using detail::envelope;
using detail::push_result;
using model::check;
using model::holds;
using model::together;

struct letter : envelope {
  letter(const detail::message_ops& o, unsigned from, int number) : envelope(o), sender(from), n(number) {}
  unsigned sender;
  model::plain<int> n;
};

constexpr detail::message_ops letter_ops{.handle = [](cell&, envelope&) -> detail::root_handle { return {}; },
                                         .size = sizeof(letter),
                                         .alignment = alignof(letter),
                                         .name = "letter"};

/// An inbox, and what its one reader knows; all of it plain: being the reader orders it.
struct mailbox {
  detail::inbox_reader reader;
  detail::inbox pushers{reader};
  model::plain<bool> reading{true};
  model::plain<int> received{0};
  std::array<model::plain<int>, 3> next;

  push_result push(unsigned sender, int n) {
    return pushers.push(*detail::make_envelope<letter>(letter_ops, sender, n));
  }

  /// Takes one message; false if there was none.
  bool take() {
    auto* l = static_cast<letter*>(reader.take(pushers));
    if (!l) return false;
    count(*l);
    return true;
  }

  void count(letter& l) {
    check(l.n.get() == next[l.sender].get(), "not in the order of its pusher, lost or twice");
    next[l.sender].set(l.n.get() + 1);
    received.set(received.get() + 1);
  }

  void begin() {
    check(!reading.get(), "two readers");
    reading.set(true);
  }

  /// From awake to idle, or to closed.
  void read_all(bool close = false) {
    for (;;) {
      while (take()) {
      }
      reading.set(false);
      if (close ? reader.try_close(pushers) : reader.try_idle(pushers)) return;
      begin();
    }
  }

  /// The one that wakes the reader is the reader, on its own thread.
  void push_and_read(unsigned sender, int n) {
    if (push(sender, n) != push_result::woke) return;
    begin();
    read_all();
  }
};

const auto one_wakes = [] {
  mailbox m;
  m.read_all();
  const auto push_two = [&](unsigned sender) {
    return [&m, sender] {
      for (int n = 0; n != 2; ++n) m.push_and_read(sender, n);
    };
  };
  together({{"one", push_two(0)}, {"two", push_two(1)}});
  check(!m.reading.get() && m.received.get() == 4, "a message stays, and nobody comes for it");
};

TEST(InboxModel, exactly_one_push_wakes_the_reader_and_nothing_is_lost_or_twice_or_out_of_order) {
  EXPECT_TRUE(holds(one_wakes, {.preemptions = 3}));
}

TEST(InboxModel, envelopes_whose_memory_comes_back_at_once_change_nothing) {
  EXPECT_TRUE(holds(one_wakes, {.preemptions = 3, .reuse_memory = true}));
}

TEST(InboxModel, three_pushers_and_the_reader_that_one_of_them_wakes) {
  EXPECT_TRUE(holds(
      [] {
        mailbox m;
        m.read_all();
        const auto push_one = [&](unsigned sender) { return [&m, sender] { m.push_and_read(sender, 0); }; };
        together({{"one", push_one(0)}, {"two", push_one(1)}, {"three", push_one(2)}});
        check(!m.reading.get() && m.received.get() == 3, "a message stays, and nobody comes for it");
      },
      {.preemptions = 3}));
}

TEST(InboxModel, a_reader_that_is_awake_takes_what_is_pushed_meanwhile) {
  EXPECT_TRUE(holds(
      [] {
        mailbox m;
        const auto push_two = [&](unsigned sender) {
          return [&m, sender] {
            for (int n = 0; n != 2; ++n) m.push_and_read(sender, n);
          };
        };
        together({{"reader", [&] { m.read_all(); }}, {"one", push_two(0)}});
        check(!m.reading.get() && m.received.get() == 2, "a message stays, and nobody comes for it");
      },
      {.preemptions = 3}));
}

TEST(InboxModel, a_reader_told_of_a_message_gets_it) {
  EXPECT_TRUE(holds([] {
    mailbox m;
    together({{"reader",
               [&] {
                 if (m.reader.has_message(m.pushers)) check(m.take(), "none there");
               }},
              {"one", [&] { check(m.push(0, 0) == push_result::queued, "the reader was awake"); }}});
    m.read_all();
    check(m.received.get() == 1, "lost");
  }));
}

TEST(InboxModel, after_closing_exactly_one_pusher_at_a_time_refuses_what_comes) {
  EXPECT_TRUE(holds(
      [] {
        mailbox m;
        const auto push_two = [&](unsigned sender) {
          return [&m, sender] {
            for (int n = 0; n != 2; ++n) {
              const push_result r = m.push(sender, n);
              check(r != push_result::woke, "the reader was never idle");
              if (r == push_result::queued) continue;
              m.begin();
              m.read_all(true);
            }
          };
        };
        together({{"reader", [&] { m.read_all(true); }}, {"one", push_two(0)}, {"two", push_two(1)}});
        check(!m.reading.get() && m.received.get() == 4, "neither handled nor refused");
      },
      {.preemptions = 3}));
}

/// Takes each first message out of the list once, and puts it in front again before the reader goes idle.
const auto puts_off = [] {
  mailbox m;
  envelope* kept = nullptr;
  const auto read = [&] {
    for (;;) {
      while (envelope* e = m.reader.take(m.pushers)) {
        auto* l = static_cast<letter*>(e);
        if (!kept && m.received.get() == 0) {
          m.reader.detach_last(m.pushers);
          check(m.reader.last_taken() == nullptr, "still there");
          kept = e;
          continue;
        }
        if (kept) {
          m.reader.put_in_front(m.pushers, *std::exchange(kept, nullptr));
          check(m.reader.last_taken() == e, "the one that is handled has gone");
          m.reader.detach_last(m.pushers);  // behind the one that was put off
          envelope* first = m.reader.take(m.pushers);
          check(first != nullptr, "what was put in front is not there");
          m.count(*static_cast<letter*>(first));
          m.reader.put_in_front(m.pushers, *l);
          continue;
        }
        m.count(*l);
      }
      if (kept) {
        m.reader.put_in_front(m.pushers, *std::exchange(kept, nullptr));
        m.count(*static_cast<letter*>(m.reader.take(m.pushers)));
      }
      m.reading.set(false);
      if (m.reader.try_idle(m.pushers)) return;
      m.begin();
    }
  };
  const auto push_two = [&](unsigned sender) {
    return [&, sender] {
      for (int n = 0; n != 2; ++n) {
        if (m.push(sender, n) != push_result::woke) continue;
        m.begin();
        read();
      }
    };
  };
  together({{"reader", read}, {"one", push_two(0)}, {"two", push_two(1)}});
  check(!m.reading.get() && m.received.get() == 4, "a message stays, and nobody comes for it");
};

TEST(InboxModel, what_is_taken_out_and_put_in_front_again_is_there_once_and_first_whoever_pushes) {
  EXPECT_TRUE(holds(puts_off, {.preemptions = 2}));
}

TEST(InboxModel, what_is_taken_out_may_be_freed_and_used_again_by_a_pusher) {
  EXPECT_TRUE(holds(
      [] {
        mailbox m;
        const auto read = [&] {
          while (envelope* e = m.reader.take(m.pushers)) {
            m.count(*static_cast<letter*>(e));
            m.reader.detach_last(m.pushers);
            detail::free_envelope(e);
          }
        };
        together({{"reader", read}, {"one", [&] {
                                       for (int n = 0; n != 3; ++n) (void)m.push(0, n);
                                     }}});
        read();
        check(m.received.get() == 3, "lost");
        m.reading.set(false);
        check(m.reader.try_idle(m.pushers), "not empty");
      },
      {.preemptions = 3, .reuse_memory = true}));
}

}  // namespace
