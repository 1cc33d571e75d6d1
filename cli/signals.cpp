#include <troupe/cli/signals.hpp>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <system_error>
#include <utility>

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <troupe/cli/report.hpp>

namespace troupe::cli {

signal_watch::signal_watch(std::stop_source stop) : stop_(std::move(stop)) {
  sigset_t watched;
  sigemptyset(&watched);
  sigaddset(&watched, SIGINT);
  sigaddset(&watched, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &watched, nullptr);
  signals_ = ::signalfd(-1, &watched, SFD_CLOEXEC);
  end_ = ::eventfd(0, EFD_CLOEXEC);
  if (signals_ < 0 || end_ < 0) throw std::system_error(errno, std::generic_category(), "cannot watch for signals");
  thread_ = std::thread([this] { watch(); });
}

signal_watch::~signal_watch() {
  const std::uint64_t one = 1;
  // Cannot fail: the counter is at zero.
  [[maybe_unused]] const auto written = ::write(end_, &one, sizeof one);
  thread_.join();
  ::close(signals_);
  ::close(end_);
}

void signal_watch::watch() {
  ::pthread_setname_np(::pthread_self(), "signals");
  for (;;) {
    pollfd waits[] = {{signals_, POLLIN, 0}, {end_, POLLIN, 0}};
    if (::poll(waits, 2, -1) < 0) continue;
    if (waits[0].revents != 0) {
      signalfd_siginfo info{};
      if (::read(signals_, &info, sizeof info) != static_cast<ssize_t>(sizeof info)) continue;
      const int number = static_cast<int>(info.ssi_signo);
      if (received() != 0) ::_exit(128 + number);
      received_.store(number, std::memory_order_relaxed);
      stop_.request_stop();
      // The next signal must be heard although nobody reads what is said here.
      pollfd says = {STDERR_FILENO, POLLOUT, 0};
      if (::poll(&says, 1, 0) == 1 && (says.revents & POLLOUT) != 0)
        complain(number == SIGINT ? "stopping; Ctrl-C again ends at once" : "stopping");
    } else if (waits[1].revents != 0) {
      return;
    }
  }
}

}  // namespace troupe::cli
