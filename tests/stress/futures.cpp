#include <troupe/scheduler/channel.hpp>
#include <troupe/scheduler/future.hpp>
#include <troupe/scheduler/green_thread.hpp>
#include <troupe/scheduler/work_stealing_pool.hpp>

#include <memory>
#include <thread>
#include <vector>

#include "stress.hpp"

// Each of four parties, two of them green threads and two OS threads, asks for a number by a promise and waits for the
// future; four others keep the promises.

namespace stress {

namespace {

struct request {
  std::uint64_t item = 0;
  troupe::promise<std::uint64_t> reply;
};

class askers {
public:
  explicit askers(std::uint64_t each) : each_(each), tallies_(parties, tally(brake_)) {}

  void run() {
    pool_ = troupe::work_stealing_pool::start({.workers = 2, .name = "stress"});
    std::vector<troupe::future<void>> asking_tasks;
    std::vector<troupe::future<void>> giving_tasks;
    std::vector<std::thread> asking;
    std::vector<std::thread> giving;
    for (std::size_t i = 0; i != parties; ++i) {
      if (i % 2 == 0) {
        asking_tasks.push_back(spawn(
            *pool_, [this](std::size_t s) { return ask(s); }, i));
        giving_tasks.push_back(spawn(*pool_, [this] { return give(); }));
      } else {
        asking.emplace_back([this, i] { ask_from_thread(i); });
        giving.emplace_back([this] {
          while (auto r = requests_.receive().get()) r->reply.give(r->item);
        });
      }
    }
    for (auto& f : asking_tasks) f.get().value();
    for (auto& t : asking) t.join();
    requests_.close();
    for (auto& f : giving_tasks) f.get().value();
    for (auto& t : giving) t.join();
    pool_->stop(troupe::timers::never);
  }

  std::string wrong() const {
    verdict v;
    for (const tally& t : tallies_) v.add(t, true);
    return v.of(parties, each_);
  }

private:
  troupe::future<std::uint64_t> prepare(request& r, std::size_t i, std::uint64_t n) {
    r.item = item_of(i, n);
    r.reply = troupe::promise<std::uint64_t>(*pool_);
    return r.reply.get_future();
  }
  troupe::task<> ask(std::size_t i) {
    for (std::uint64_t n = 1; n <= each_; ++n) {
      request r;
      troupe::future<std::uint64_t> answer = prepare(r, i, n);
      auto sent = requests_.send(std::move(r));
      (co_await sent).value();
      const auto item = co_await answer;
      tallies_[i].add(item.value());
    }
  }
  troupe::task<> give() {
    for (;;) {
      auto r = co_await requests_.receive();
      if (!r) co_return;
      r->reply.give(r->item);
    }
  }
  void ask_from_thread(std::size_t i) {
    for (std::uint64_t n = 1; n <= each_; ++n) {
      request r;
      troupe::future<std::uint64_t> answer = prepare(r, i, n);
      requests_.send(std::move(r)).get().value();
      tallies_[i].add(answer.get().value());
    }
  }

  std::uint64_t each_;
  brake brake_;
  std::vector<tally> tallies_;
  std::shared_ptr<troupe::work_stealing_pool> pool_;
  troupe::channel<request> requests_;
};

std::string hand_over(std::uint64_t items) {
  askers all(items / parties);
  all.run();
  return all.wrong();
}

constexpr queue all[] = {{"future", 10, "a promise and its future for each item", hand_over}};

}  // namespace

std::span<const queue> futures() { return all; }

}  // namespace stress
