#include <troupe/scheduler/blocking_queue.hpp>
#include <troupe/scheduler/channel.hpp>
#include <troupe/scheduler/green_thread.hpp>
#include <troupe/scheduler/this_task.hpp>
#include <troupe/scheduler/work_stealing_pool.hpp>

#include <atomic>
#include <thread>
#include <vector>

#include "stress.hpp"

// Four senders and four receivers: green threads and OS threads mixed, or OS threads alone where a queue is for those.

namespace stress {

namespace {

template <class Channel>
class carrier {
public:
  carrier(Channel& c, std::uint64_t each) : channel_(&c), each_(each), tallies_(parties, tally(brake_)) {}

  void run() {
    auto pool = troupe::work_stealing_pool::start({.workers = 2, .name = "stress"});
    std::vector<troupe::future<void>> senders;
    std::vector<troupe::future<void>> receivers;
    std::vector<std::thread> sending;
    std::vector<std::thread> receiving;
    for (std::size_t i = 0; i != parties; ++i) {
      if (i % 2 == 0) {
        senders.push_back(spawn(
            *pool, [this](std::size_t s) { return send(s); }, i));
        receivers.push_back(spawn(
            *pool, [this](tally* t) { return receive(*t); }, &tallies_[i]));
      } else {
        sending.emplace_back([this, i] { send_from_thread(i); });
        receiving.emplace_back([this, i] {
          while (auto item = channel_->receive().get()) tallies_[i].add(*item);
        });
      }
    }
    for (auto& f : senders) f.get().value();
    for (auto& t : sending) t.join();
    channel_->close();
    for (auto& f : receivers) f.get().value();
    for (auto& t : receiving) t.join();
    pool->stop(troupe::timers::never);
  }

  std::string wrong(bool ordered) const {
    verdict v;
    for (const tally& t : tallies_) v.add(t, ordered);
    if (refused_.load()) v.complain("an item was refused");
    if (!channel_->empty()) v.complain("the channel is not empty at the end");
    return v.of(parties, each_);
  }

private:
  troupe::task<> send(std::size_t i) {
    for (std::uint64_t n = 1; n <= each_; ++n) {
      while (!brake_.lets_go(i, n)) co_await troupe::this_task::yield();
      const auto done = co_await channel_->emplace(item_of(i, n));
      if (!done) refused_ = true;
    }
  }
  troupe::task<> receive(tally& t) {
    for (;;) {
      const auto item = co_await channel_->receive();
      if (!item) co_return;
      t.add(*item);
    }
  }
  void send_from_thread(std::size_t i) {
    for (std::uint64_t n = 1; n <= each_; ++n) {
      while (!brake_.lets_go(i, n)) std::this_thread::yield();
      if (!channel_->send(item_of(i, n)).get()) refused_ = true;
    }
  }

  Channel* channel_;
  std::uint64_t each_;
  brake brake_;
  std::vector<tally> tallies_;
  std::atomic<bool> refused_{false};
};

template <class Channel, std::size_t Capacity, bool Ordered>
std::string carry(std::uint64_t items) {
  Channel c(Capacity);
  carrier<Channel> all(c, items / parties);
  all.run();
  return all.wrong(Ordered);
}

std::string carry_by_blocking_queue(std::uint64_t items) {
  const std::uint64_t each = items / parties;
  troupe::blocking_queue<std::uint64_t> q;
  brake b;
  std::vector<tally> tallies(parties, tally(b));
  std::atomic<bool> refused{false};
  std::vector<std::thread> sending;
  std::vector<std::thread> receiving;
  for (std::size_t i = 0; i != parties; ++i) {
    sending.emplace_back([&, i] {
      for (std::uint64_t n = 1; n <= each; ++n) {
        while (!b.lets_go(i, n)) std::this_thread::yield();
        if (!q.send(item_of(i, n))) refused = true;
      }
    });
    receiving.emplace_back([&, i] {
      while (auto item = q.receive()) tallies[i].add(*item);
    });
  }
  for (auto& t : sending) t.join();
  q.close();
  for (auto& t : receiving) t.join();
  verdict v;
  for (const tally& t : tallies) v.add(t, true);
  if (refused.load()) v.complain("an item was refused");
  return v.of(parties, each);
}

using fifo = troupe::channel<std::uint64_t>;
using lifo = troupe::lifo_channel<std::uint64_t>;
using priority = troupe::priority_channel<std::uint64_t>;

constexpr queue all[] = {
    {"channel_unbounded", 1, "a channel without a bound", carry<fifo, troupe::unbounded, true>},
    {"channel_bounded", 1, "a channel that holds 64", carry<fifo, 64, true>},
    {"channel_rendezvous", 10, "a channel that holds nothing", carry<fifo, 0, true>},
    {"channel_lifo", 1, "a channel that holds 64, the newest item first", carry<lifo, 64, false>},
    {"channel_priority", 1, "a channel that holds 64, the greatest item first", carry<priority, 64, false>},
    {"blocking_queue", 1, "a queue between OS threads", carry_by_blocking_queue},
};

}  // namespace

std::span<const queue> channels() { return all; }

}  // namespace stress
