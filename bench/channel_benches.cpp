#include "channel_benches.hpp"
#include "scheduler_work.hpp"

#include <cstdint>
#include <memory>

#include <troupe/scheduler/channel.hpp>
#include <troupe/scheduler/green_thread.hpp>
#include <troupe/scheduler/work_stealing_pool.hpp>

namespace bench {

namespace {

class pool {
public:
  explicit pool(const options& opts) : pool_(troupe::work_stealing_pool::start({.workers = opts.workers})) {}
  ~pool() { pool_->stop(troupe::timers::never); }
  pool(const pool&) = delete;
  pool& operator=(const pool&) = delete;

  troupe::scheduler& operator*() const { return *pool_; }

private:
  std::shared_ptr<troupe::work_stealing_pool> pool_;
};

bool back_and_forth(const options& opts, std::size_t capacity) {
  completion done;
  const pool home(opts);
  return measure_time("ns/round_trip", done, 2, opts.scaled(round_trips), 1, 1, [&](std::uint64_t n) {
    auto there = std::make_shared<troupe::channel<std::uint64_t>>(capacity);
    auto back = std::make_shared<troupe::channel<std::uint64_t>>(capacity);
    (void)spawn(*home, [&done, there, back, n]() -> troupe::task<> {
      bool ok = true;
      for (std::uint64_t i = 0; i != n; ++i) {
        auto sent = co_await there->send(std::uint64_t(i));
        auto answer = co_await back->receive();
        ok = ok && sent && answer && *answer == i + 1;
      }
      there->close();
      done.arrive(ok);
    });
    (void)spawn(*home, [&done, there, back]() -> troupe::task<> {
      for (;;) {
        auto number = co_await there->receive();
        if (!number) break;
        auto sent = co_await back->send(*number + 1);
        if (!sent) break;
      }
      done.arrive();
    });
  });
}

}  // namespace

bool channel(const options& opts) { return back_and_forth(opts, 0); }
bool channel_1(const options& opts) { return back_and_forth(opts, 1); }

bool channel_buffered(const options& opts) {
  completion done;
  const pool home(opts);
  return measure_time("ns/message", done, 2, opts.scaled(buffered_messages), 1, 1, [&](std::uint64_t n) {
    auto c = std::make_shared<troupe::channel<std::uint64_t>>(channel_capacity);
    (void)spawn(*home, [&done, c, n]() -> troupe::task<> {
      for (std::uint64_t i = 0; i != n; ++i) {
        auto sent = co_await c->send(std::uint64_t(i));
        if (!sent) break;
      }
      c->close();
      done.arrive();
    });
    (void)spawn(*home, [&done, c, n]() -> troupe::task<> {
      std::uint64_t sum = 0;
      for (;;) {
        auto number = co_await c->receive();
        if (!number) break;
        sum += *number;
      }
      done.arrive(sum == sum_below(n));
    });
  });
}

}  // namespace bench
