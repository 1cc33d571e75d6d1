// Ends of actors while there is no memory.

#include <troupe/actors/runtime.hpp>
#include <troupe/base/log.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // they have an operator new of their own

namespace {
// For the calling thread there is none.
thread_local bool no_memory = false;
}  // namespace

void* operator new(std::size_t size) {
  void* const memory = no_memory ? nullptr : std::malloc(size != 0 ? size : 1);
  return memory ? memory : throw std::bad_alloc();
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return no_memory ? nullptr : std::malloc(size != 0 ? size : 1);
}
// Not inlined: there the compiler would miss the `operator new` that belongs to `free`.
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace out_of_memory {

using namespace std::chrono_literals;

struct fall {};
struct late {};
struct get {};

constexpr const char* long_text = "a text that does not fit into the string itself, by far";

/// Falls where there is no memory from then on, for its worker.
class faller : public troupe::actor {
public:
  void on(fall) {
    const std::runtime_error e(long_text);
    no_memory = true;
    throw e;
  }
  int on(get) { return 1; }
  void on(late) {}
};

/// Gives its worker memory again.
class giver : public troupe::actor {
public:
  bool on(fall) { return !std::exchange(no_memory, false); }
};

/// While it lives the log is lost, but for how many lines spoke of memory.
struct silence {
  silence() noexcept {
    of_memory = 0;
    troupe::set_log_sink([](std::string_view line) noexcept {
      if (line.find("memory") != line.npos) ++of_memory;
    });
  }
  ~silence() { troupe::set_log_sink(nullptr); }
  static inline std::atomic<int> of_memory{0};
};

void expect_conserved(const troupe::runtime& rt) {
  const auto c = rt.counts();
  EXPECT_EQ(c.queued(), 0u);
  EXPECT_EQ(c.spawned, c.ended + rt.alive());
}

TEST(OutOfMemory, an_actor_that_crashes_ends_and_all_is_counted) {
  const silence quiet;
  troupe::runtime rt({.workers = 1, .stand_ins = 0});
  auto memory = rt.spawn<giver>();
  for (const bool watched : {false, true}) {
    auto a = rt.spawn<faller>();
    std::optional<troupe::future<troupe::exit_reason>> end;
    if (watched) end = a.when_ended(60s);
    // On one worker: it comes to all of these before the giver has its turn.
    std::vector<troupe::future<int>> unanswered;
    {
      class gate : public troupe::actor {
      public:
        void on(std::atomic<bool>* open) {
          while (!*open) std::this_thread::sleep_for(100us);
        }
      };
      std::atomic<bool> open{false};
      auto g = rt.spawn<gate>();
      g.send(&open);
      a.send(fall{});
      for (int i = 0; i != 3; ++i) unanswered.emplace_back(a.ask(get{}, 60s));
      a.send(late{});
      auto given = memory.ask(fall{}, 60s);
      open = true;
      EXPECT_FALSE(given.get().value()) << "the worker had memory all the time";
      g.close();
      ASSERT_TRUE(g.join(60s));
    }
    const auto reason = watched ? end->get() : a.join(60s);
    ASSERT_TRUE(reason);
    EXPECT_EQ(reason->kind, troupe::exit_kind::crashed);
    for (auto& f : unanswered) EXPECT_EQ(f.get().error(), troupe::errc::crashed);
    const auto after = a.ask(get{}, 60s).get();
    EXPECT_EQ(after.error(), troupe::errc::closed);
  }
  memory.close();
  ASSERT_TRUE(memory.join(60s));
  ASSERT_TRUE(rt.wait_idle(60s));
  expect_conserved(rt);
  EXPECT_EQ(rt.counts().failed, 2u);
  EXPECT_EQ(rt.alive(), 0u);
}

TEST(OutOfMemory, those_who_watch_are_told_or_the_log_says_that_they_are_not) {
  const silence quiet;
  class watcher : public troupe::actor {
  public:
    void on(const troupe::any_ref& other) { monitor(this, other); }
    void on(const troupe::down&) { ++downs; }
    int downs = 0;
    int on(get) { return downs; }
  };
  troupe::runtime rt({.workers = 1, .stand_ins = 0});
  auto memory = rt.spawn<giver>();
  auto w = rt.spawn<watcher>();
  auto a = rt.spawn<faller>();
  w.send(troupe::any_ref(a));
  ASSERT_EQ(w.ask(get{}, 60s).get().value(), 0);
  a.send(fall{});
  (void)memory.ask(fall{}, 60s).get();
  ASSERT_TRUE(a.join(60s));
  const int downs = w.ask(get{}, 60s).get().value();
  EXPECT_LE(downs, 1);
  EXPECT_GE(downs + quiet.of_memory, 1);
  rt.shutdown(60s);
  expect_conserved(rt);
}

TEST(OutOfMemory, an_actor_whose_constructor_finds_none_is_gone_and_those_who_have_its_ref_know) {
  class stillborn : public troupe::actor {
  public:
    explicit stillborn(troupe::ref<stillborn>& out) {
      out = self(this);
      self(this).send(late{});
      no_memory = true;
      throw std::bad_alloc();
    }
    void on(late) {}
  };
  troupe::runtime rt({.workers = 1});
  for (const bool named : {false, true}) {
    troupe::ref<stillborn> left;
    troupe::actor_options options;
    if (named) options.name = "one whose name is longer than what a string holds in itself";
    bool thrown = false;
    try {
      (void)rt.spawn<stillborn>(std::move(options), left);
    } catch (const std::bad_alloc&) {
      no_memory = false;
      thrown = true;
    }
    ASSERT_TRUE(thrown);
    EXPECT_FALSE(left.alive());
    EXPECT_EQ(left.join(60s)->kind, troupe::exit_kind::crashed);
    EXPECT_EQ(left.try_send(late{}), troupe::send_status::closed);
  }
  expect_conserved(rt);
  EXPECT_EQ(rt.counts().dead_letters, 4u);
  EXPECT_EQ(rt.alive(), 0u);
}

TEST(OutOfMemory, what_comes_too_late_is_refused_all_the_same) {
  troupe::runtime rt({.workers = 1});
  auto gone = rt.spawn<faller>();
  gone.close();
  ASSERT_TRUE(gone.join(60s));
  (void)gone.try_send(late{});  // the memory that it takes is at hand from now on
  (void)gone.ask(get{}, 60s).get();
  no_memory = true;
  const troupe::send_status late_status = gone.try_send(late{});
  auto answer = gone.ask(get{}, 60s);
  no_memory = false;
  EXPECT_EQ(late_status, troupe::send_status::closed);
  EXPECT_EQ(answer.get().error(), troupe::errc::closed);
  expect_conserved(rt);
}

}  // namespace out_of_memory

#endif
