#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include <troupe/pipeline/registry.hpp>
#include <troupe/troupe.hpp>

namespace troupe::testing {

struct number {
  std::int64_t value = 0;
};

struct word {
  std::string text;
};

/// Publishes 1 to `last`, and fails before `fail_at`.
class counting final : public loop_actor<> {
public:
  explicit counting(const pipeline::context& c)
      : last_(c.get<std::int64_t>("last")),
        fail_at_(c.get<std::int64_t>("fail_at")),
        out_(c.output<number>("numbers")) {}

  task<> run() override {
    for (std::int64_t i = 1; i <= last_ && !stop_requested(); ++i) {
      if (i == fail_at_) throw std::runtime_error("no number " + std::to_string(i));
      out_.publish(std::to_string(i % 2), number{i});
      if (i % 64 == 0) co_await this_task::yield();
    }
  }

private:
  std::int64_t last_;
  std::int64_t fail_at_;
  publisher<number> out_;
};

/// Publishes each number that it takes twice over.
class doubling : public actor {
public:
  explicit doubling(const pipeline::context& c) : out_(c.output<number>("numbers")) {}

  void on(const number& n) { out_.publish(number{2 * n.value}); }

private:
  publisher<number> out_;
};

/// Adds numbers up, and writes the sum to `file` when all have come.
class adding : public actor {
public:
  explicit adding(const pipeline::context& c)
      : file_(c.get<std::filesystem::path>("file")), stop_at_(c.get<std::int64_t>("stop_at")), context_(c) {}

  void on(const number& n) {
    sum_ += n.value;
    if (n.value == stop_at_) context_.stop_run();
  }

  void on_stop() { std::ofstream(file_.native() + std::to_string(context_.index())) << sum_; }

private:
  std::filesystem::path file_;
  std::int64_t stop_at_;
  std::int64_t sum_ = 0;
  pipeline::context context_;
};

/// Takes words, which nobody here publishes.
class spelling : public actor {
public:
  explicit spelling(const pipeline::context&) {}
  void on(const word&) {}
};

/// Cannot be made.
class failing : public actor {
public:
  explicit failing(const pipeline::context&) { throw std::runtime_error("not today"); }
  void on(const number&) {}
};

inline pipeline::registry classes() {
  pipeline::registry r;
  r.message<number>("number").message<word>("word");
  r.actor<counting>("counting", "Publishes numbers")
      .parameter<std::int64_t>("last", "The last number")
      .at_least(1)
      .parameter<std::int64_t>("fail_at", "The number that cannot be published", -1)
      .output<number>("numbers");
  r.actor<doubling>("doubling", "Doubles numbers").input<number>().output<number>("numbers");
  r.actor<adding>("adding", "Adds numbers up")
      .parameter<std::filesystem::path>("file", "Where the sum is written", "/dev/null")
      .parameter<std::int64_t>("stop_at", "The number that ends the run", -1)
      .input<number>();
  r.actor<spelling>("spelling", "Takes words").input<word>();
  r.actor<failing>("failing", "Cannot be made").input<number>();
  return r;
}

}  // namespace troupe::testing
