// A work queue with acknowledgement: two workers share the jobs, and crash now and then. A supervisor makes them anew,
// and the queue gives what they had not done to whoever comes next. So every job is done once, but for one at which
// every worker crashes: after three deliveries it is a dead letter, which says why.

#include <iostream>
#include <stdexcept>
#include <utility>

#include <troupe/base/log.hpp>
#include <troupe/troupe.hpp>

namespace {

struct job {
  int number = 0;
};

struct result_of {
  int number = 0;
  bool at_first = false;  // the first attempt
};

class worker : public troupe::actor {
public:
  explicit worker(troupe::address<result_of> out) : out_(std::move(out)) {}

  void on(troupe::delivery<job> d) {
    // What a handler leaves by an exception has no answer: its delivery goes back to the front of the queue.
    if (d->number == 500) throw std::runtime_error("nobody can do this");
    if (d->number % 100 == 0 && !d.redelivered()) throw std::runtime_error("out of luck");
    out_.send({d->number, !d.redelivered()});
    if (auto acknowledged = d.ack(); !acknowledged) std::cout << acknowledged.error().message() << '\n';
  }

private:
  troupe::address<result_of> out_;
};

/// Counts what is done, and reads the dead letters.
class tally : public troupe::actor {
public:
  void on(const result_of& r) {
    ++done_;
    sum_ += r.number;
    if (!r.at_first) ++again_;
  }
  void on(const troupe::dead_lettered<job>& d) {
    sum_ += d.message.number;
    std::cout << "job " << d.message.number << " of queue '" << d.queue << "' was given up after " << d.deliveries
              << " deliveries: " << to_string(d.reason) << '\n';
  }
  void on_stop() {
    std::cout << done_ << " jobs done, " << again_ << " of them at the second attempt\n"
              << "sum of all numbers: " << sum_ << '\n';
  }

private:
  int done_ = 0;
  int again_ = 0;
  int sum_ = 0;
};

}  // namespace

int main() {
  troupe::set_log_sink([](std::string_view) noexcept {});  // the crashes are meant
  troupe::runtime rt({.workers = 2});
  const auto t = rt.spawn<tally>();

  troupe::exchange<troupe::dead_lettered<job>> failed(rt, "jobs.failed");
  const auto burial = failed.attach(t);
  troupe::exchange<job> jobs(rt, "jobs", troupe::queue{.max_deliveries = 3, .dead_letters = "jobs.failed"});

  // An input: the workers are closed when the last publisher has gone and all jobs are done.
  const auto sup = rt.supervise({.max_restarts = 100});
  const auto a = sup.spawn<worker>(t);
  const auto b = sup.spawn<worker>(t);
  const auto first = jobs.attach_input(a, {.prefetch = 8});
  const auto second = jobs.attach_input(b, {.prefetch = 8});
  {
    const auto out = jobs.publisher();
    for (int i = 1; i <= 1000; ++i) out.publish({i});
  }
  (void)a.join();
  (void)b.join();
  t.close();
  (void)t.join();
  troupe::set_log_sink(nullptr);
}
