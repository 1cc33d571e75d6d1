#pragma once

#include <chrono>
#include <csignal>
#include <stdexcept>
#include <string>
#include <thread>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../pipeline/support.hpp"

extern char** environ;

namespace troupe::testing {

/// A run of the command, with its output in files. Killed if it does not end in time.
class process {
public:
  struct end {
    int code = -1;  // 128 + number where a signal ended it
    std::string out;
    std::string err;
  };

  /// Starts the shell command; `troupe` in it is the command under test.
  explicit process(const std::string& command) {
    const auto out = (folder_.path() / "out").native();
    const auto err = (folder_.path() / "err").native();
    std::string script = "troupe() { exec " TROUPE_COMMAND " \"$@\"; }\n" + command;
    std::string shell = "sh";
    std::string option = "-c";
    char* const arguments[] = {shell.data(), option.data(), script.data(), nullptr};
    posix_spawn_file_actions_t files;
    ::posix_spawn_file_actions_init(&files);
    ::posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_addopen(&files, 1, out.c_str(), O_WRONLY | O_CREAT, 0600);
    ::posix_spawn_file_actions_addopen(&files, 2, err.c_str(), O_WRONLY | O_CREAT, 0600);
    const int failed = ::posix_spawnp(&child_, "sh", &files, nullptr, arguments, environ);
    ::posix_spawn_file_actions_destroy(&files);
    if (failed != 0) throw std::runtime_error("cannot start the shell");
  }
  process(const process&) = delete;
  process& operator=(const process&) = delete;
  ~process() {
    if (child_ > 0) wait(std::chrono::seconds(0));
  }

  void signal(int number) const { ::kill(child_, number); }

  /// What it has said so far on standard error.
  std::string complaints() const { return read_file(folder_.path() / "err"); }

  end wait(std::chrono::seconds limit = std::chrono::seconds(60)) {
    const auto until = std::chrono::steady_clock::now() + limit;
    int status = 0;
    while (::waitpid(child_, &status, WNOHANG) == 0) {
      if (std::chrono::steady_clock::now() > until) {
        EXPECT_EQ(limit.count(), 0) << "the command did not end in time";
        ::kill(child_, SIGKILL);
        ::waitpid(child_, &status, 0);
        break;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    child_ = -1;
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), read_file(folder_.path() / "out"),
            complaints()};
  }

private:
  scratch_folder folder_;
  pid_t child_ = -1;
};

/// Runs a shell command to its end.
inline process::end shell(const std::string& command) { return process(command).wait(); }

}  // namespace troupe::testing
