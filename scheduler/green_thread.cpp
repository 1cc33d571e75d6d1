#include <troupe/scheduler/green_thread.hpp>

#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>

#include <troupe/base/log.hpp>
#include <troupe/scheduler/detail/local_binding.hpp>

namespace troupe::detail {

namespace {

class green_thread final : public strand {
public:
  green_thread(scheduler& home, std::coroutine_handle<> frame) : strand(home), frame_(frame) {
    resume_at = frame;
    home.strands().add(*this);
  }

  void run() noexcept override {
    end_wait();
    if (worker* w = current_worker()) w->show(this, "green thread");
    if (killed()) {
      if (abandon_forks()) end();
      return;
    }
    trampoline loop(*this);
    switch (loop.run(resume_at)) {
      case pause::suspended: return;
      case pause::yielded: return home().reschedule(*this);
      case pause::receiving:
        std::fputs("troupe: co_await receive() in a green thread: only the actor itself can receive\n", stderr);
        std::abort();
      case pause::none: return end();
    }
  }

  std::string describe() const override { return fmt::format("green thread {}", home().label(*this)); }

  void request_kill() noexcept override {
    killed_.store(true, release);
    cancel_waits();
  }

  bool killed() const noexcept override { return killed_.load(acquire); }

private:
  ~green_thread() = default;

  void end() noexcept {
    frame_.destroy();  // gives `cancelled` if the body did not come to its end
    home().strands().remove(*this);
    this->~green_thread();
    pool_free(this, sizeof(green_thread));
  }

  std::coroutine_handle<> frame_;
  atomic<bool> killed_{false};
};

}  // namespace

void start_green_thread(scheduler& home, std::coroutine_handle<> frame, future_state_base& owed) {
  void* memory = nullptr;
  try {
    memory = pool_allocate(sizeof(green_thread));
  } catch (...) {
    frame.destroy();
    throw;
  }
  auto* started = new (memory) green_thread(home, frame);
  owed.set_owner(static_cast<strand*>(started));  // F4
  inherit_locals(*started);
  home.schedule(*started);
}

std::string current_exception_text() {
  try {
    throw;
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "an exception that is not a std::exception";
  }
}

void report_unread_failure(const error& e) noexcept {
  log_line(fmt::format("a green thread ended with an exception: {}", e.message()));
}

}  // namespace troupe::detail
