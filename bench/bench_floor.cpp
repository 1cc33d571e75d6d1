// What the machine itself takes for the work of a benchmark: bare loops without a scheduler, under the name of the
// benchmark that they bound from below. All but `wake` and `ask` run on the main thread, whatever the number of
// workers.

#include "common.hpp"
#include "savina/work.hpp"
#include "scheduler_work.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <new>
#include <semaphore>
#include <thread>
#include <utility>
#include <vector>

namespace {

using bench::options;
using bench::sum_below;

/// A linked list to which any thread may push with one exchange and from which one takes: the least that an unbounded
/// mailbox needs. (D. Vyukov, "Non-intrusive MPSC node-based queue".) Its nodes come from a list of free ones without
/// any synchronisation, which serves one thread.
class mailbox {
public:
  mailbox() : tail_(take()), head_(tail_) {}
  ~mailbox() {
    for (node* each : {tail_, free_}) {
      while (each) {
        delete std::exchange(each, each->next.load(std::memory_order_relaxed));
      }
    }
  }
  mailbox(const mailbox&) = delete;
  mailbox& operator=(const mailbox&) = delete;

  void push(std::uint64_t value) {
    node* fresh = take();
    fresh->value = value;
    node* before = head_.exchange(fresh, std::memory_order_acq_rel);
    before->next.store(fresh, std::memory_order_release);
  }

  /// False if it is empty.
  bool pop(std::uint64_t& value) {
    node* first = tail_->next.load(std::memory_order_acquire);
    if (!first) {
      return false;
    }
    value = first->value;
    give_back(std::exchange(tail_, first));
    return true;
  }

private:
  struct node {
    // null -> the node behind it. The release of `push` pairs with the acquire of `pop`.
    std::atomic<node*> next{nullptr};
    std::uint64_t value = 0;
  };

  node* take() {
    if (!free_) {
      return new node;
    }
    node* taken = free_;
    free_ = taken->next.load(std::memory_order_relaxed);
    taken->next.store(nullptr, std::memory_order_relaxed);
    return taken;
  }
  void give_back(node* used) {
    used->next.store(free_, std::memory_order_relaxed);
    free_ = used;
  }

  node* free_ = nullptr;
  node* tail_;  // the last one taken; its value is gone
  // The newest node. The exchange of `push` acquires and releases, so that pushes see each other's nodes.
  std::atomic<node*> head_;
};

/// Each message is one push and one pop.
bool ping_pong(const options& opts) {
  std::array<mailbox, 2> boxes;
  return bench::measure_run("ns/message", opts.scaled(2'000'000, 2), 2, [&](std::uint64_t n) {
    bool ok = true;
    for (std::uint64_t i = 0; i < n; ++i) {
      std::uint64_t ball = 0;
      boxes[i % 2].push(i);
      ok = boxes[i % 2].pop(ball) && ball == i && ok;
    }
    return ok;
  });
}

/// Pushed and popped in turns of 128, so that the nodes stay in the nearest cache.
bool count(const options& opts) {
  constexpr std::uint64_t turn = 128;
  mailbox box;
  return bench::measure_run("ns/message", opts.scaled(2'000'000, turn), turn, [&](std::uint64_t n) {
    std::uint64_t sum = 0;
    for (std::uint64_t begun = 0; begun < n; begun += turn) {
      for (std::uint64_t i = begun; i < begun + turn; ++i) {
        box.push(i);
      }
      for (std::uint64_t value = 0; box.pop(value);) {
        sum += value;
      }
    }
    return sum == sum_below(n);
  });
}

/// Memory for coroutine frames of one thread: blocks of one size, last in, first out.
class frames {
public:
  static constexpr std::size_t block = 256;

  static void* take(std::size_t size) {
    if (size > block || free_.empty()) {
      return ::operator new(std::max(size, block));
    }
    void* taken = free_.back();
    free_.pop_back();
    return taken;
  }
  static void give_back(void* used, std::size_t size) {
    if (size > block) {
      ::operator delete(used);
    } else {
      free_.push_back(used);
    }
  }

private:
  static inline std::vector<void*> free_;
};

/// A coroutine that its owner resumes by hand.
class coroutine {
public:
  struct promise_type {
    std::uint64_t value = 0;

    static void* operator new(std::size_t size) { return frames::take(size); }
    static void operator delete(void* used, std::size_t size) { frames::give_back(used, size); }
    coroutine get_return_object() { return coroutine(std::coroutine_handle<promise_type>::from_promise(*this)); }
    std::suspend_always initial_suspend() const noexcept { return {}; }
    std::suspend_always final_suspend() const noexcept { return {}; }
    void return_value(std::uint64_t result) noexcept { value = result; }
    void unhandled_exception() const noexcept { std::terminate(); }
  };

  coroutine(coroutine&& other) noexcept : frame_(std::exchange(other.frame_, {})) {}
  ~coroutine() {
    if (frame_) {
      frame_.destroy();
    }
  }

  std::coroutine_handle<> handle() const { return frame_; }
  std::uint64_t value() const { return frame_.promise().value; }

private:
  explicit coroutine(std::coroutine_handle<promise_type> frame) : frame_(frame) {}

  std::coroutine_handle<promise_type> frame_;
};

/// A run queue of 256 slots from which other threads could steal: the owner pushes with a release store and everybody
/// takes with a compare-exchange.
class ring {
public:
  void push(std::coroutine_handle<> each) {
    auto tail = tail_.load(std::memory_order_relaxed);
    slots_[tail % slots_.size()].store(each.address(), std::memory_order_relaxed);
    tail_.store(tail + 1, std::memory_order_release);
  }

  /// Null if it is empty.
  std::coroutine_handle<> pop() {
    auto head = head_.load(std::memory_order_acquire);
    void* taken = nullptr;
    do {
      if (head == tail_.load(std::memory_order_acquire)) {
        return {};
      }
      taken = slots_[head % slots_.size()].load(std::memory_order_relaxed);
    } while (!head_.compare_exchange_weak(head, head + 1, std::memory_order_acq_rel, std::memory_order_acquire));
    return std::coroutine_handle<>::from_address(taken);
  }

private:
  std::array<std::atomic<void*>, 256> slots_{};
  // How many were taken and pushed. The release of `push` pairs with the acquire of `tail_` in `pop`; the exchanges of
  // `pop` with each other.
  alignas(64) std::atomic<std::uint32_t> head_{0};
  alignas(64) std::atomic<std::uint32_t> tail_{0};
};

coroutine yielder(std::uint64_t self, std::uint64_t turns, bench::rotation* watch) {
  for (std::uint64_t i = 0; i < turns; ++i) {
    watch->turn(self);
    co_await std::suspend_always{};
  }
  co_return turns;
}

/// Each yield is one suspend, one push, one pop and one resume.
bool yield(const options& opts) {
  bench::rotation watch(true);
  auto queue = std::make_unique<ring>();
  auto n = opts.scaled(bench::yields, bench::yielders);
  bool ok = bench::measure_run("ns/yield", n, bench::yielders, [&](std::uint64_t turns) {
    std::vector<coroutine> all;
    for (std::uint64_t self = 0; self < bench::yielders; ++self) {
      all.push_back(yielder(self, turns / bench::yielders, &watch));
      queue->push(all.back().handle());
    }
    while (auto next = queue->pop()) {
      next.resume();
      if (!next.done()) {
        queue->push(next);
      }
    }
    std::uint64_t sum = 0;
    for (const auto& each : all) {
      sum += each.value();
    }
    return sum == turns;
  });
  return ok && watch.fair(n);
}

coroutine echo(std::uint64_t value) { co_return value; }

/// Each pair creates a coroutine, pushes and pops it, calls it and destroys it.
bool spawn_join(const options& opts) {
  auto queue = std::make_unique<ring>();
  return bench::measure_run("ns/pair", opts.scaled(bench::spawn_joins), 1, [&](std::uint64_t n) {
    std::uint64_t sum = 0;
    for (std::uint64_t i = 0; i < n; ++i) {
      coroutine child = echo(i);
      queue->push(child.handle());
      queue->pop().resume();
      sum += child.value();
    }
    return sum == sum_below(n);
  });
}

/// Each call creates a coroutine, calls it and destroys it.
coroutine fib(unsigned n) {
  if (n < 2) {
    co_return n;
  }
  coroutine a = fib(n - 1);
  a.handle().resume();
  coroutine b = fib(n - 2);
  b.handle().resume();
  co_return a.value() + b.value();
}

bool run_fib(const options& opts) {
  return bench::measure_fib(opts, [](unsigned n) {
    coroutine root = fib(n);
    root.handle().resume();
    return root.value();
  });
}

/// One thread sleeps on a word of memory, the main thread writes and wakes.
class futex_sleeper {
public:
  futex_sleeper() : thread_([this] { run(); }) {}
  ~futex_sleeper() {
    stopping_ = true;
    rouse();
    thread_.join();
  }

  std::chrono::nanoseconds wake_once() {
    auto begin = bench::clock::now();
    rouse();
    stamped_.acquire();
    return woken_ - begin;
  }

private:
  void rouse() {
    word_.store(1, std::memory_order_release);
    syscall(SYS_futex, &word_, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
  }
  void run() {
    while (true) {
      while (word_.load(std::memory_order_acquire) == 0) {
        syscall(SYS_futex, &word_, FUTEX_WAIT_PRIVATE, 0, nullptr, nullptr, 0);
      }
      if (stopping_) {
        return;
      }
      woken_ = bench::clock::now();
      word_.store(0, std::memory_order_relaxed);
      stamped_.release();
    }
  }

  // 0 (asleep) -> 1 (roused). The release of `rouse` pairs with the acquire of `run`.
  std::atomic<std::uint32_t> word_{0};
  bool stopping_ = false;  // written before `rouse`, read after it
  bench::clock::time_point woken_;
  std::binary_semaphore stamped_{0};
  std::thread thread_;  // last, so that it finds the rest
};
static_assert(sizeof(std::atomic<std::uint32_t>) == 4);

bool wake(const options& opts) {
  futex_sleeper sleeper;
  return bench::measure_wakes(opts, [&] { return sleeper.wake_once(); });
}

/// A thread that answers each number with the next one. Both sides sleep while they wait: no spinning.
class futex_oracle {
public:
  futex_oracle() : thread_([this] { run(); }) {}
  ~futex_oracle() {
    stopping_ = true;
    tell(question_, question_.load(std::memory_order_relaxed) + 1);
    thread_.join();
  }

  std::uint32_t ask(std::uint32_t number) {
    auto before = answer_.load(std::memory_order_relaxed);
    tell(question_, number);
    return await_change(answer_, before);
  }

private:
  static void tell(std::atomic<std::uint32_t>& word, std::uint32_t value) {
    word.store(value, std::memory_order_release);
    syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
  }
  static std::uint32_t await_change(std::atomic<std::uint32_t>& word, std::uint32_t before) {
    while (true) {
      auto now = word.load(std::memory_order_acquire);
      if (now != before) {
        return now;
      }
      syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, before, nullptr, nullptr, 0);
    }
  }
  void run() {
    for (std::uint32_t seen = 0;;) {
      seen = await_change(question_, seen);
      if (stopping_) {
        return;
      }
      tell(answer_, seen + 1);
    }
  }

  // Each is the number that was told last. The release of `tell` pairs with the acquire of `await_change`.
  std::atomic<std::uint32_t> question_{0};
  std::atomic<std::uint32_t> answer_{0};
  bool stopping_ = false;  // written before the last question, read after it
  std::thread thread_;     // last, so that it finds the rest
};

bool ask(const options& opts) {
  futex_oracle oracle;
  std::uint32_t number = 0;
  return bench::savina::measure_asks(opts, [&](std::uint64_t) {
    ++number;
    return oracle.ask(number) == number + 1;
  });
}

constexpr std::array<bench::entry, 7> entries{{
    {"ping_pong", ping_pong},
    {"count", count},
    {"yield", yield},
    {"spawn_join", spawn_join},
    {"fib", run_fib},
    {"wake", wake},
    {"ask", ask},
}};

}  // namespace

int main(int argc, char** argv) { return bench::run_program(argc, argv, entries); }
