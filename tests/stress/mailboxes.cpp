#include <troupe/actors/actor.hpp>
#include <troupe/actors/detail/inbox.hpp>
#include <troupe/actors/runtime.hpp>
#include <troupe/scheduler/this_task.hpp>

#include <atomic>
#include <thread>
#include <utility>
#include <vector>

#include "stress.hpp"

// The inbox alone, where whoever is told to read does so, and the mailbox of an actor.

namespace stress {

namespace {

using troupe::detail::envelope;
using troupe::detail::push_result;

struct letter : envelope {
  letter(const troupe::detail::message_ops& o, std::uint64_t i) : envelope(o), item(i) {}
  std::uint64_t item;
};

constexpr troupe::detail::message_ops letter_ops{
    .handle = [](troupe::cell&, envelope&) -> troupe::detail::root_handle { return {}; },
    .size = sizeof(letter),
    .alignment = alignof(letter),
    .name = "letter"};

std::string through_inbox(std::uint64_t items) {
  const std::uint64_t each = items / parties;
  troupe::detail::inbox_reader reader;
  troupe::detail::inbox inbox(reader);
  brake b;
  tally t(b);            // plain: being the reader orders it
  bool reading = false;  // plain, too
  std::atomic<bool> two_readers{false};
  const auto read_all = [&] {
    do {
      if (std::exchange(reading, true)) two_readers = true;
      while (envelope* e = reader.take(inbox)) t.add(static_cast<letter*>(e)->item);
      reading = false;
    } while (!reader.try_idle(inbox));
  };
  read_all();
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i != parties; ++i) {
    threads.emplace_back([&, i] {
      for (std::uint64_t n = 1; n <= each; ++n) {
        while (!b.lets_go(i, n)) std::this_thread::yield();
        if (inbox.push(*troupe::detail::make_envelope<letter>(letter_ops, item_of(i, n))) == push_result::woke)
          read_all();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  verdict v;
  v.add(t, true);
  if (two_readers) v.complain("two threads read at a time");
  return v.of(parties, each);
}

class counter final : public troupe::actor {
public:
  explicit counter(tally& t) : tally_(&t) {}
  void on(std::uint64_t item) { tally_->add(item); }

private:
  tally* tally_;
};

troupe::task<> send_all(troupe::ref<counter> to, const brake& b, std::size_t sender, std::uint64_t each) {
  for (std::uint64_t n = 1; n <= each; ++n) {
    while (!b.lets_go(sender, n)) co_await troupe::this_task::yield();
    to.send(item_of(sender, n));
  }
}

std::string through_mailbox(std::uint64_t items) {
  const std::uint64_t each = items / parties;
  brake b;
  tally t(b);
  {
    troupe::runtime rt({.workers = 2, .name = "stress"});
    auto to = rt.spawn<counter>(t);
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i != parties; ++i) {
      if (i % 2 == 0) {
        (void)rt.spawn(send_all, to, std::cref(b), i, each);
      } else {
        threads.emplace_back([&, i] {
          for (std::uint64_t n = 1; n <= each; ++n) {
            while (!b.lets_go(i, n)) std::this_thread::yield();
            to.send(item_of(i, n));
          }
        });
      }
    }
    for (auto& thread : threads) thread.join();
    rt.run();
  }
  verdict v;
  v.add(t, true);
  return v.of(parties, each);
}

constexpr queue all[] = {
    {"inbox", 1, "the inbox of an actor, without the actor", through_inbox},
    {"mailbox", 1, "an actor to which two green threads and two OS threads send", through_mailbox},
};

}  // namespace

std::span<const queue> mailboxes() { return all; }

}  // namespace stress
