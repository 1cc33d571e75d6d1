#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include <troupe/base/result.hpp>

namespace troupe::pipeline {

/// Buffered bytes to a file or to standard output, where no failure goes unseen. Wants SIGPIPE ignored. Not thread
/// safe.
class output {
public:
  /// Standard output; written line by line where it is a terminal. It is not closed.
  static output standard();

  /// A file, made or emptied; `errc::io` where that fails.
  static result<output> create(const std::filesystem::path& file);

  /// A file that takes the place of `file` when `finish` succeeds; until then, and if it never does, `file` stays as it
  /// is. It is written beside `file` under a name that begins with ".troupe-", which stays behind only where the
  /// process is killed. What is no regular file, such as a pipe or a device, is written to directly. `errc::io` where
  /// the file cannot be made, or `file` must not be written.
  static result<output> replace(const std::filesystem::path& file);

  output(output&& other) noexcept;
  output& operator=(output&& other) noexcept;
  /// Closes the file. What was not flushed is lost, and what was to replace a file is removed: call `finish`.
  ~output();

  /// Appends bytes. `errc::closed` where the reader has closed the pipe, `errc::io` where the system refuses, as on a
  /// full disk; the sentence names the file. After an error all calls give it again.
  result<void> write(std::string_view bytes);

  /// Hands what is buffered to the system. Errors as `write`.
  result<void> flush();

  /// Flushes and closes a file, and puts one that was made by `replace` in its place. Errors as `write`. Whether the
  /// bytes are on the disk when the machine loses power is the system's affair.
  result<void> finish();

private:
  output(int fd, bool owned, bool by_line, std::string name);

  result<void> fail(int code);
  void discard() noexcept;

  int fd_;
  bool owned_;
  bool by_line_;
  int error_ = 0;  // of the first call that failed
  std::string name_;
  std::string buffer_;
  std::filesystem::path written_;  // what `replace` writes; empty: none, or it has its place
  std::filesystem::path target_;   // where it goes
};

}  // namespace troupe::pipeline
