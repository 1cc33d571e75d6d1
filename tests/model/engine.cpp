#include <model/engine.hpp>

#include <signal.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <new>

#include <fmt/format.h>

namespace troupe::model {

namespace {
constexpr std::size_t stack_bytes = 128 * 1024;

void on_fault(int) {
  if (the_engine().runs()) the_engine().fail("a segmentation fault");
  signal(SIGSEGV, SIG_DFL);  // not the program's: happens again, and ends the process
}

/// What a program does to a pointer that is none is a failure with a schedule like any other.
class fault_guard {
public:
  fault_guard() {
    struct sigaction action {};
    action.sa_handler = &on_fault;
    action.sa_flags = SA_NODEFER;
    sigaction(SIGSEGV, &action, &before_);
  }
  fault_guard(const fault_guard&) = delete;
  fault_guard& operator=(const fault_guard&) = delete;
  ~fault_guard() { sigaction(SIGSEGV, &before_, nullptr); }

private:
  struct sigaction before_;
};
}  // namespace

engine& the_engine() {
  static engine e;
  return e;
}

engine::engine()
    : memory_([this](unsigned n) { return choose(n); }, [this](std::string why) { fail(std::move(why)); }) {
  for (thread_state& t : threads_) t.stack = std::make_unique<char[]>(stack_bytes);
}

// --- the search -------------------------------------------------------------------------------------------------

outcome engine::search(const std::function<void()>& program, const limits& within) {
  outcome found;
  const fault_guard guard;
  // The fewest preemptions first: what is found then is the simplest.
  for (preemption_bound_ = 0; preemption_bound_ <= within.preemptions; ++preemption_bound_) {
    path_.clear();
    do {
      if (found.executions == within.executions) return found;
      ++found.executions;
      run(program, within);
      if (!failure_.empty()) {
        const std::uint64_t executions = found.executions;
        found = replay(program, within, schedule());
        found.executions = executions;
        return found;
      }
    } while (next_path());
  }
  found.complete = true;
  return found;
}

outcome engine::replay(const std::function<void()>& program, const limits& within, const std::string& schedule) {
  path_.clear();
  const char* at = schedule.data();
  const char* const end = at + schedule.size();
  at = std::from_chars(at, end, preemption_bound_).ptr;
  while (at != end) {
    unsigned chosen = 0;
    const auto [rest, error] = std::from_chars(at + 1, end, chosen);
    if (error != std::errc()) return {0, false, "not a schedule: " + schedule, schedule, ""};
    path_.push_back({chosen, 0});
    at = rest;
  }
  const fault_guard guard;
  tracing_ = true;
  trace_.clear();
  run(program, within);
  tracing_ = false;
  return {.executions = 1, .complete = false, .failure = failure_, .schedule = schedule, .trace = trace_};
}

bool engine::next_path() {
  while (!path_.empty() && path_.back().chosen + 1 == path_.back().of) path_.pop_back();
  if (path_.empty()) return false;
  ++path_.back().chosen;
  return true;
}

std::string engine::schedule() const {
  std::string text = std::to_string(preemption_bound_) + ':';
  std::size_t last = depth_;
  while (last != 0 && path_[last - 1].chosen == 0) --last;
  for (std::size_t i = 0; i != last; ++i) text += (i ? "." : "") + std::to_string(path_[i].chosen);
  if (last == 0) text += '0';
  return text;
}

unsigned engine::choose(unsigned n) {
  if (n == 1) return 0;
  if (depth_ == path_.size()) path_.push_back({0, n});
  choice& c = path_[depth_++];
  if (c.of == 0) c.of = n;  // of a schedule that was given
  if (c.of != n || c.chosen >= n) {
    fail("the program did not do the same again with the same choices (X2)");
    return 0;
  }
  return c.chosen;
}

// --- one execution ----------------------------------------------------------------------------------------------

void engine::run(const std::function<void()>& program, const limits& within) {
  within_ = within;
  depth_ = 0;
  failure_.clear();
  preemptions_left_ = preemption_bound_;
  timeouts_left_ = within.timeouts;
  steps_ = used_ = running_ = 0;
  words_.clear();
  memory_.reset(within.old_reads);
  if (++execution_ == 0) ++execution_;
  start("main", [&] {
    program();
    end_execution();
  });
  in_execution_ = true;
  swapcontext(&home_, &threads_[0].context);
  for (const block& b : blocks_) ::operator delete(b.memory);
  blocks_.clear();
}

void engine::end_execution() {
  for (const block& b : blocks_) {
    if (!b.free) fail(fmt::format("a block of {} bytes was never given back", b.bytes));
  }
  in_execution_ = false;
  setcontext(&home_);
}

void engine::fail(std::string why) {
  in_execution_ = false;
  failure_ = std::move(why);
  if (tracing_) trace("failed: " + failure_);
  setcontext(&home_);
  std::abort();
}

unsigned engine::start(std::string name, std::function<void()> body) {
  if (used_ == max_threads) fail("the program has more threads than the explorer can follow");
  const unsigned id = used_++;
  thread_state& t = threads_[id];
  t.body = std::move(body);
  t.name = std::move(name);
  t.now = state::ready;
  t.spins = t.times_out = t.timed_out = false;
  t.waits_on = nullptr;
  t.children = t.rounds = 0;
  t.words.assign(words_.size(), nullptr);
  getcontext(&t.context);
  t.context.uc_stack.ss_sp = t.stack.get();
  t.context.uc_stack.ss_size = stack_bytes;
  t.context.uc_link = nullptr;
  makecontext(&t.context, &engine::entry, 0);
  return id;
}

void engine::entry() { the_engine().body_of_thread(); }

void engine::body_of_thread() {
  threads_[running_].body();
  thread_state& self = threads_[running_];
  self.now = state::ended;
  changed();
  if (--threads_[self.parent].children == 0) threads_[self.parent].now = state::ready;
  give_way();
}

void engine::together(std::initializer_list<part> parts) {
  thread_state& self = threads_[running_];
  const unsigned me = running_;
  const unsigned first = used_;
  for (const part& p : parts) {
    const unsigned id = start(p.name, p.body);
    threads_[id].parent = me;
    memory_.fork(me, id);
  }
  self.children = static_cast<unsigned>(parts.size());
  self.now = state::joining;
  give_way();
  for (unsigned id = first; id != first + parts.size(); ++id) memory_.join(id, me);
}

void engine::step() {
  if (++steps_ > within_.steps) fail("no end in sight: threads wait for what nobody does");
  give_way();
}

void engine::changed() noexcept {
  for (unsigned t = 0; t != used_; ++t) {
    if (t != running_) threads_[t].spins = false;
    threads_[t].rounds = 0;
  }
}

void engine::relax() {
  threads_[running_].spins = true;
  step();
  threads_[running_].spins = false;
}

bool engine::wait(const void* on, bool may_time_out) {
  thread_state& self = threads_[running_];
  self.now = state::waiting;
  self.waits_on = on;
  self.times_out = may_time_out;
  self.timed_out = false;
  give_way();
  return !self.timed_out;
}

void engine::wake(const void* on) noexcept {
  for (unsigned t = 0; t != used_; ++t) {
    if (threads_[t].now == state::waiting && threads_[t].waits_on == on) {
      threads_[t].now = state::ready;
      return;
    }
  }
}

void engine::give_way() {
  std::array<unsigned, max_threads> options{};
  unsigned n = 0;
  const auto collect = [&](auto may_run) {
    for (unsigned t = 0; t != used_; ++t) {
      if (may_run(threads_[t])) options[n++] = t;
    }
  };
  const bool can_go_on = threads_[running_].now == state::ready && !threads_[running_].spins;
  if (can_go_on && preemptions_left_ == 0) return;
  collect([&](const thread_state& t) {
    return (t.now == state::ready && !t.spins) || (t.now == state::waiting && t.times_out && timeouts_left_ != 0);
  });
  if (n == 0) {  // N2
    unsigned fewest = ~0u;
    for (unsigned t = 0; t != used_; ++t) {
      if (threads_[t].now == state::ready) fewest = std::min(fewest, threads_[t].rounds);
    }
    collect([&](const thread_state& t) { return t.now == state::ready && t.rounds == fewest; });
  }
  if (n == 0) collect([](const thread_state& t) { return t.now == state::waiting && t.times_out; });
  if (n == 0) fail("a deadlock: all threads wait");
  // To go on comes first, so that the first execution of all is the one without preemptions.
  if (can_go_on)
    std::rotate(options.begin(), std::find(options.begin(), options.begin() + n, running_), options.begin() + n);
  const unsigned t = options[choose(n)];
  if (can_go_on && t != running_) --preemptions_left_;
  if (threads_[t].spins) ++threads_[t].rounds;
  if (threads_[t].now == state::waiting) {
    threads_[t].now = state::ready;
    threads_[t].timed_out = true;
    if (timeouts_left_ != 0) --timeouts_left_;
  }
  switch_to(t);
}

void engine::switch_to(unsigned t) {
  if (t == running_) return;
  thread_state& from = threads_[running_];
  thread_state& to = threads_[t];
  for (std::size_t i = 0; i != words_.size(); ++i) {
    std::memcpy(&from.words[i], words_[i], sizeof(void*));
    std::memcpy(words_[i], &to.words[i], sizeof(void*));
  }
  running_ = t;
  swapcontext(&from.context, &to.context);
}

void engine::keep_word(void* address) {
  words_.push_back(address);
  threads_[running_].words.push_back(nullptr);
}

void* engine::allocate(std::size_t bytes) {
  if (within_.reuse_memory) {
    for (std::size_t i = blocks_.size(); i-- != 0;) {
      if (!blocks_[i].free || blocks_[i].bytes != bytes) continue;
      std::rotate(blocks_.begin() + static_cast<std::ptrdiff_t>(i),
                  blocks_.begin() + static_cast<std::ptrdiff_t>(i) + 1, blocks_.end());
      blocks_.back().free = false;
      return blocks_.back().memory;
    }
  }
  blocks_.push_back({::operator new(bytes), bytes, false});
  return blocks_.back().memory;
}

void engine::free(void* memory, std::size_t bytes) {
  const auto found = std::find_if(blocks_.begin(), blocks_.end(), [&](const block& b) { return b.memory == memory; });
  if (found == blocks_.end() || found->free || found->bytes != bytes)
    return fail(fmt::format("a block of {} bytes is given back that is not allocated", bytes));
  memory_.unmake(running_, memory, bytes);
  block was = *found;
  was.free = true;
  blocks_.erase(found);
  blocks_.push_back(was);
}

void engine::trace(const std::string& text) { trace_ += fmt::format("  {:<10} {}\n", threads_[running_].name, text); }

}  // namespace troupe::model
