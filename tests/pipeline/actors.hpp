#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>

#include <troupe/exchange/router.hpp>
#include <troupe/pipeline/registry.hpp>
#include <troupe/troupe.hpp>

namespace troupe::testing {

struct number {
  std::int64_t value = 0;
};

/// `parity` and `value`: what a headers exchange asks for.
inline message_headers headers_of(const number& n) {
  return {{"parity", n.value % 2 == 0 ? "even" : "odd"}, {"value", n.value}};
}

struct word {
  std::string text;
};

/// Cannot be copied.
struct parcel {
  std::unique_ptr<int> content;
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

/// Adds numbers up that come from a queue, and does not want those that end in 0.
class picking : public actor {
public:
  explicit picking(const pipeline::context& c) : file_(c.get<std::filesystem::path>("file")), index_(c.index()) {}

  void on(delivery<number> d) {
    if (d->value % 10 == 0) return (void)d.nack(requeue::no);
    sum_ += d->value;
    (void)d.ack();
  }

  void on_stop() { std::ofstream(file_.native() + std::to_string(index_)) << sum_; }

private:
  std::filesystem::path file_;
  std::size_t index_;
  std::int64_t sum_ = 0;
};

/// Writes down how many dead letters have come, and of what queue.
class burying : public actor {
public:
  explicit burying(const pipeline::context& c) : file_(c.get<std::filesystem::path>("file")) {}

  void on(const dead_lettered<number>& n) {
    ++count_;
    queue_ = n.queue;
  }

  void on_stop() { std::ofstream(file_) << count_ << " of " << queue_; }

private:
  std::filesystem::path file_;
  int count_ = 0;
  std::string queue_;
};

class unwrapping : public actor {
public:
  explicit unwrapping(const pipeline::context&) {}
  void on(const parcel&) {}
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

/// The first who is attached gets all.
class first_router final : public router {
public:
  void bind(binding& b) override { all_.add(b); }
  void unbind(binding& b) override { all_.remove(b); }
  void find(const routing_facts&, route& to) const override {
    if (const auto members = all_.read(); members.size() != 0) to.add(members[0]);
  }

private:
  binding_set all_;
};

inline pipeline::registry classes() {
  pipeline::registry r;
  r.message<number>("number").message<word>("word").message<parcel>("parcel");
  r.message<dead_lettered<number>>("dead_number");
  r.kind(exchange_kind("first_only", [] { return std::unique_ptr<router>(std::make_unique<first_router>()); }));
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
  r.actor<picking>("picking", "Adds numbers up, and rejects those that end in 0")
      .parameter<std::filesystem::path>("file", "Where the sum is written", "/dev/null")
      .input<number>();
  r.actor<burying>("burying", "Counts dead letters")
      .parameter<std::filesystem::path>("file", "Where the number is written", "/dev/null")
      .input<dead_lettered<number>>();
  r.actor<unwrapping>("unwrapping", "Takes parcels").input<parcel>();
  r.actor<spelling>("spelling", "Takes words").input<word>();
  r.actor<failing>("failing", "Cannot be made").input<number>();
  return r;
}

}  // namespace troupe::testing
