#pragma once

#include <troupe/base/log.hpp>
#include <troupe/troupe.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <initializer_list>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../contracts/support.hpp"

/// What the tests of policies and of retention share.
namespace policies {

using namespace std::chrono_literals;
using contracts::captured_log;
using contracts::expect_conserved;

struct note {
  int n = 0;
  std::shared_ptr<int> weight{};  // so that one destroyed twice or never shows
};
struct direct_note {
  int n = 0;
};
struct seen {};

inline constexpr int crash_note = 1'000'000;

/// Records what comes, and of what it was told that it does not come.
class reader : public troupe::actor {
public:
  void on(const note& n) {
    if (n.n == crash_note) throw std::runtime_error("a note that crashes");
    seen_.push_back(n.n);
  }
  void on(const direct_note& n) { seen_.push_back(n.n); }
  void on(const troupe::lagged& l) { seen_.push_back(-static_cast<int>(l.count)); }
  void on(const troupe::disconnected& d) { seen_.push_back(-1000 - static_cast<int>(d.lost)); }
  std::vector<int> on(seen) const { return seen_; }

private:
  std::vector<int> seen_;
};

inline std::vector<int> seen_by(const troupe::ref<reader>& r) { return r.ask(seen{}).get().value(); }

/// Detaches within the handler of one message.
class leaver : public troupe::actor {
public:
  struct leave_at {
    int n;
    troupe::subscription* sub;
  };
  void on(leave_at l) { leave_ = l; }
  void on(const note& n) {
    seen_.push_back(n.n);
    if (n.n == leave_.n) leave_.sub->detach();
  }
  std::vector<int> on(seen) const { return seen_; }

private:
  leave_at leave_{};
  std::vector<int> seen_;
};

/// Puts off what comes, gaps too.
class patient : public troupe::actor {
public:
  struct open {};
  void on(const note& n) {
    if (!open_) return stash();
    seen_.push_back(n.n);
  }
  void on(const troupe::lagged& l) {
    if (!open_) return stash();
    seen_.push_back(-static_cast<int>(l.count));
  }
  void on(open) {
    open_ = true;
    unstash_all();
  }
  std::vector<int> on(seen) const { return seen_; }

private:
  bool open_ = false;
  std::vector<int> seen_;
};

/// Waits in its handlers, which hold their messages meanwhile.
class sleeper : public troupe::actor {
public:
  troupe::task<> on(const note& n) {
    co_await troupe::this_task::sleep_for(1ms);
    seen_.push_back(n.n);
  }
  troupe::task<> on(const troupe::lagged& l) {
    co_await troupe::this_task::sleep_for(1ms);
    seen_.push_back(-static_cast<int>(l.count));
  }
  std::vector<int> on(seen) const { return seen_; }

private:
  std::vector<int> seen_;
};

class loop_reader : public troupe::loop_actor<std::shared_ptr<std::vector<int>>, note, troupe::lagged> {
public:
  using begin = std::shared_ptr<std::vector<int>>;
  troupe::task<> run() override {
    begin log;
    for (;;) {
      auto m = co_await receive();
      if (!m) break;
      if (auto* const b = std::get_if<begin>(&*m)) log = *b;
      if (auto* const n = std::get_if<note>(&*m)) log->push_back(n->n);
      if (auto* const l = std::get_if<troupe::lagged>(&*m)) log->push_back(-static_cast<int>(l->count));
    }
  }
};

struct quote {
  std::string symbol;
  int price = 0;
  friend const std::string& key_of(const quote& q) { return q.symbol; }
};
class quote_reader : public troupe::actor {
public:
  void on(const quote& q) { seen_.push_back(q.symbol + std::to_string(q.price)); }
  void on(const troupe::lagged& l) { seen_.push_back("-" + std::to_string(l.count)); }
  std::vector<std::string> on(seen) const { return seen_; }

private:
  std::vector<std::string> seen_;
};

struct text {
  std::string words;
  friend std::size_t bytes_of(const text& t) { return t.words.size(); }
};
class text_reader : public troupe::actor {
public:
  void on(const text& t) { seen_ += t.words.front(); }
  std::string on(seen) const { return seen_; }

private:
  std::string seen_;
};

inline std::uint64_t lost_in(troupe::runtime& rt, troupe::loss why) {
  std::uint64_t n = 0;
  for (const auto& c : rt.statistics().classes) n += c.lost_for(why);
  return n;
}

/// It throws, and all words are in what it says.
template <class F>
void expect_error(F f, std::initializer_list<std::string_view> words) {
  try {
    f();
    ADD_FAILURE() << "nothing was thrown";
  } catch (const troupe::troupe_error& e) {
    EXPECT_EQ(e.code(), troupe::errc::invalid_argument);
    for (std::string_view w : words) EXPECT_TRUE(tests::contains(e.what(), w)) << e.what() << "\nlacks: " << w;
  }
}

}  // namespace policies
