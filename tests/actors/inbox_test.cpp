#include <troupe/actors/detail/inbox.hpp>

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <thread>
#include <vector>

namespace {

using troupe::detail::envelope;
/// Both ends together.
struct inbox {
  troupe::detail::push_result push(troupe::detail::envelope& e) { return pushers.push(e); }
  troupe::detail::envelope* take() { return reader.take(pushers); }
  bool has_message() const { return reader.has_message(pushers); }
  bool try_idle() { return reader.try_idle(pushers); }
  bool try_close() { return reader.try_close(pushers); }

  troupe::detail::inbox_reader reader;
  troupe::detail::inbox pushers{reader};
};
using troupe::detail::make_envelope;
using troupe::detail::push_result;

struct letter : envelope {
  letter(const troupe::detail::message_ops& o, int from, int number) : envelope(o), sender(from), n(number) {}
  int sender;
  int n;
};

constexpr troupe::detail::message_ops letter_ops{
    .handle = [](troupe::cell&, envelope&) -> troupe::detail::root_handle { return {}; },
    .size = sizeof(letter),
    .alignment = alignof(letter),
    .name = "letter"};

letter& write(int sender, int n) { return *make_envelope<letter>(letter_ops, sender, n); }

const letter* read(inbox& i) { return static_cast<const letter*>(i.take()); }

TEST(Inbox, gives_messages_in_the_order_pushed) {
  inbox i;
  EXPECT_EQ(i.take(), nullptr);
  for (int n = 0; n != 10; ++n) EXPECT_EQ(i.push(write(0, n)), push_result::queued);
  for (int n = 0; n != 10; ++n) {
    EXPECT_TRUE(i.has_message());
    EXPECT_EQ(read(i)->n, n);
  }
  EXPECT_FALSE(i.has_message());
  EXPECT_EQ(i.take(), nullptr);
  EXPECT_TRUE(i.try_idle());
}

TEST(Inbox, the_push_that_finds_the_reader_idle_wakes_it_and_no_other) {
  inbox i;
  ASSERT_TRUE(i.try_idle());
  EXPECT_EQ(i.push(write(0, 1)), push_result::woke);
  EXPECT_EQ(i.push(write(0, 2)), push_result::queued);
  EXPECT_EQ(read(i)->n, 1);
  EXPECT_FALSE(i.try_idle());
  EXPECT_EQ(read(i)->n, 2);
  EXPECT_EQ(i.take(), nullptr);
  EXPECT_TRUE(i.try_idle());
  EXPECT_EQ(i.push(write(0, 3)), push_result::woke);
  EXPECT_EQ(read(i)->n, 3);
  EXPECT_EQ(i.take(), nullptr);
  EXPECT_TRUE(i.try_idle());
}

TEST(Inbox, is_closed_only_when_all_has_been_taken_and_tells_the_next_pusher) {
  inbox i;
  i.push(write(0, 1));
  EXPECT_FALSE(i.try_close());
  EXPECT_EQ(read(i)->n, 1);
  EXPECT_EQ(i.take(), nullptr);
  EXPECT_TRUE(i.try_close());
  EXPECT_EQ(i.push(write(0, 2)), push_result::closed);
  EXPECT_EQ(read(i)->n, 2);  // the pusher has become the reader
  EXPECT_EQ(i.take(), nullptr);
  EXPECT_TRUE(i.try_close());
}

/// Several push, and whoever is told to read does so, on its own thread: exactly one at a time.
TEST(Inbox, exactly_one_push_becomes_the_reader_and_each_pushers_order_is_kept) {
  constexpr int pushers = 3;
  constexpr int each = 20'000;
  inbox i;
  ASSERT_TRUE(i.try_idle());
  std::array<int, pushers> next{};  // plain: being the reader orders it
  bool reading = false;             // plain, too
  int received = 0;
  std::atomic<int> wrong{0};
  const auto read_all = [&] {
    if (std::exchange(reading, true)) ++wrong;
    for (;;) {
      while (const letter* l = read(i)) {
        if (next[static_cast<std::size_t>(l->sender)]++ != l->n) ++wrong;
        ++received;
      }
      reading = false;
      if (i.try_idle()) return;
      reading = true;
    }
  };
  std::vector<std::thread> threads;
  for (int t = 0; t != pushers; ++t) {
    threads.emplace_back([&, t] {
      for (int n = 0; n != each; ++n) {
        if (i.push(write(t, n)) == push_result::woke) read_all();
      }
    });
  }
  for (auto& t : threads) t.join();
  EXPECT_EQ(wrong.load(), 0);
  EXPECT_EQ(received, pushers * each);
}

}  // namespace
