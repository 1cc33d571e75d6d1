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

  output(output&& other) noexcept;
  output& operator=(output&& other) noexcept;
  /// Closes the file. What was not flushed is lost: call `finish`.
  ~output();

  /// Appends bytes. `errc::closed` where the reader has closed the pipe, `errc::io` where the system refuses, as on a
  /// full disk; the sentence names the file. After an error all calls give it again.
  result<void> write(std::string_view bytes);

  /// Hands what is buffered to the system. Errors as `write`.
  result<void> flush();

  /// Flushes, and closes a file. Errors as `write`.
  result<void> finish();

private:
  output(int fd, bool owned, bool by_line, std::string name);

  result<void> fail(int code);

  int fd_;
  bool owned_;
  bool by_line_;
  int error_ = 0;  // of the first call that failed
  std::string name_;
  std::string buffer_;
};

}  // namespace troupe::pipeline
