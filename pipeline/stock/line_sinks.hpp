#pragma once

#include <string>

#include <troupe/actors/actor.hpp>
#include <troupe/pipeline/context.hpp>
#include <troupe/pipeline/output.hpp>
#include <troupe/pipeline/stock/text_line.hpp>

namespace troupe::pipeline::stock {

/// Prints lines on standard output, each after the text of parameter `prefix`. Ends the run quietly where the reader
/// of a pipe has gone; fails where the output cannot be written.
class printer final : public actor {
public:
  /// Reads the parameter `prefix`.
  explicit printer(const context& c);

  /// Prints a line. Throws `troupe_error` where that fails, but not because the reader has gone.
  void on(const text_line& line);
  /// Hands on what is buffered; throws as `on`.
  void on_stop();

private:
  void check(const result<void>& written);

  context context_;
  std::string prefix_;
  output out_;
  bool closed_ = false;
};

/// Writes lines to the file of parameter `file`, which is made or emptied. Fails where it cannot be written.
class line_file final : public actor {
public:
  /// Makes the file. Throws `troupe_error` where that fails.
  explicit line_file(const context& c);

  /// Writes a line. Throws `troupe_error` where that fails.
  void on(const text_line& line);
  /// Hands on what is buffered; throws as `on`.
  void on_stop();

private:
  output out_;
};

}  // namespace troupe::pipeline::stock
