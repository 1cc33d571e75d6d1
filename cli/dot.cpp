#include <troupe/cli/dot.hpp>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <memory>
#include <system_error>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

extern char** environ;

namespace troupe::cli {

namespace {

struct file_closer {
  void operator()(std::FILE* file) const noexcept { std::fclose(file); }
};
using file_ptr = std::unique_ptr<std::FILE, file_closer>;

error system_error(std::string_view what, int code) {
  return error(errc::io, fmt::format("{}: {}", what, std::generic_category().message(code)));
}

// What a program needs to start: its standard input and output, and the signals as they were before the command
// ignored or blocked some.
class spawn_setup {
public:
  spawn_setup(int in, int out) {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawn_file_actions_adddup2(&actions_, in, STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions_, out, STDOUT_FILENO);
    ::posix_spawnattr_init(&attributes_);
    sigset_t none, piped;
    sigemptyset(&none);
    sigemptyset(&piped);
    sigaddset(&piped, SIGPIPE);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setsigdefault(&attributes_, &piped);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  spawn_setup(const spawn_setup&) = delete;
  spawn_setup& operator=(const spawn_setup&) = delete;
  ~spawn_setup() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }

  int spawn(pid_t& child, const char* program, char* const* arguments) const {
    return ::posix_spawnp(&child, program, &actions_, &attributes_, arguments, environ);
  }

private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

int wait_for(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

}  // namespace

result<std::string> draw(const std::string& dot, const std::string& format) {
  const file_ptr input(std::tmpfile());
  if (!input) return system_error("cannot make a temporary file", errno);
  if (std::fwrite(dot.data(), 1, dot.size(), input.get()) != dot.size() || std::fflush(input.get()) != 0)
    return system_error("cannot write to a temporary file", errno);
  std::rewind(input.get());

  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return system_error("cannot make a pipe", errno);
  const file_ptr drawn(::fdopen(ends[0], "rb"));
  file_ptr out(::fdopen(ends[1], "wb"));

  std::string program = "dot";
  std::string option = "-T" + format;
  char* const arguments[] = {program.data(), option.data(), nullptr};
  pid_t child = -1;
  if (const int code = spawn_setup(fileno(input.get()), ends[1]).spawn(child, "dot", arguments); code != 0) {
    if (code == ENOENT)
      return error(errc::not_found,
                   "cannot draw: the program 'dot' is not installed (Debian: apt-get install graphviz)");
    return system_error("cannot run 'dot'", code);
  }
  out.reset();

  std::string drawing;
  char chunk[4096];
  for (std::size_t n; (n = std::fread(chunk, 1, sizeof chunk, drawn.get())) > 0;) drawing.append(chunk, n);
  const int status = wait_for(child);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || drawing.empty())
    return error(errc::io, "the program 'dot' could not draw the graph");
  return drawing;
}

}  // namespace troupe::cli
