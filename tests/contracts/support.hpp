#pragma once

#include <troupe/base/log.hpp>
#include <troupe/testing/seeds.hpp>
#include <troupe/troupe.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "../common.hpp"

/// What the contract tests share.
namespace contracts {

using namespace std::chrono_literals;
using tests::eventually;

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
inline constexpr bool sanitized = true;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
inline constexpr bool sanitized = true;
#else
inline constexpr bool sanitized = false;
#endif
#else
inline constexpr bool sanitized = false;
#endif

/// An amount of work that takes about as long under a sanitizer as without.
constexpr int scaled(int n) { return sanitized ? (n + 7) / 8 : n; }

/// C3 at quiescence: nothing is queued, every message has one fate.
inline void expect_conserved(troupe::runtime& rt) {
  ASSERT_TRUE(rt.wait_idle(60s));
  const troupe::message_counts c = rt.counts();
  EXPECT_EQ(c.queued(), 0u) << "sent " << c.sent << ", handled " << c.handled << ", failed " << c.failed << ", dropped "
                            << c.dropped << ", dead letters " << c.dead_letters;
}

/// Catches the lines that Troupe logs for as long as it lives.
class captured_log {
public:
  captured_log() {
    lines().clear();
    troupe::set_log_sink([](std::string_view line) noexcept {
      std::lock_guard guard(mutex());
      lines().emplace_back(line);
    });
  }
  ~captured_log() { troupe::set_log_sink(nullptr); }
  captured_log(const captured_log&) = delete;
  captured_log& operator=(const captured_log&) = delete;

  /// How many lines contain all of the words.
  std::size_t count(std::initializer_list<std::string_view> words) const {
    std::lock_guard guard(mutex());
    std::size_t n = 0;
    for (const std::string& line : lines()) {
      const bool all = std::all_of(words.begin(), words.end(), [&](auto word) { return tests::contains(line, word); });
      n += all ? 1 : 0;
    }
    return n;
  }

private:
  static std::mutex& mutex() {
    static std::mutex m;
    return m;
  }
  static std::vector<std::string>& lines() {
    static std::vector<std::string> l;
    return l;
  }
};

/// Counts on how many occasions a thing was seen on another thread than before. One user at a time.
class migrations {
public:
  void look() {
    const auto here = std::this_thread::get_id();
    if (last_ != std::thread::id() && last_ != here) ++changes_;
    last_ = here;
  }
  int changes() const { return changes_; }

private:
  std::thread::id last_;
  int changes_ = 0;
};

/// Holds a handler until it is opened.
class barrier {
public:
  /// The handler's side.
  void wait() const {
    reached_.store(true, std::memory_order_release);
    while (!open_.load(std::memory_order_acquire)) std::this_thread::sleep_for(100us);
  }
  /// The test's side: the handler has come here.
  bool reached() const { return reached_.load(std::memory_order_acquire); }
  void open() { open_.store(true, std::memory_order_release); }

private:
  std::atomic<bool> open_{false};
  mutable std::atomic<bool> reached_{false};
};

}  // namespace contracts
