#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <troupe/pipeline/context.hpp>
#include <troupe/pipeline/output.hpp>
#include <troupe/pipeline/registry.hpp>
#include <troupe/troupe.hpp>

#include "file_scanner.hpp"
#include "folder_walk.hpp"
#include "messages.hpp"
#include "report.hpp"
#include "word_table.hpp"

namespace word_count {

/// Walks a folder and publishes the files below it; the only source.
class file_walker : public troupe::loop_actor<> {
public:
  /// Throws `std::system_error` if the folder cannot be listed.
  explicit file_walker(const troupe::pipeline::context& c);

  troupe::task<> run() override;

private:
  folder_walk walk_;
  std::size_t batch_;
  troupe::publisher<file_batch> files_;
  troupe::publisher<scan_report> reports_;
};

/// Reads files and counts their words in a table of its own. When that holds many words, and at the end, each counter
/// gets its share of it.
class word_reader : public troupe::actor {
public:
  explicit word_reader(const troupe::pipeline::context& c);

  troupe::task<> on(const file_batch& batch);
  void on_stop();

private:
  bool full() const noexcept;
  void flush();

  file_scanner scanner_;
  word_table table_;
  std::size_t flush_words_;
  std::vector<std::string> keys_;  // of the counters, by shard
  troupe::publisher<word_counts> counts_;
  troupe::publisher<scan_report> reports_;
};

/// Adds up the counts of its share of the words.
class word_counter : public troupe::actor {
public:
  explicit word_counter(const troupe::pipeline::context& c);

  void on(const word_counts& counts);
  void on_stop();

private:
  std::shared_ptr<word_table> table_ = std::make_shared<word_table>();
  std::size_t wanted_;
  std::uint64_t messages_ = 0;
  std::size_t shards_;
  troupe::publisher<shard_totals> totals_;
};

/// Shows the progress and prints the result.
class result_printer : public troupe::actor {
public:
  /// Makes the output file at once: a mistake in its name should not show after an hour. It gets its name at the end,
  /// so that a run that fails leaves the file of an earlier one. Throws `troupe_error`.
  explicit result_printer(const troupe::pipeline::context& c);

  void on(const scan_report& report);
  void on(const shard_totals& totals);
  void on_stop();

private:
  bool complete() const noexcept;
  bool write_all();
  void print();

  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  std::size_t top_;
  std::optional<troupe::pipeline::output> out_;
  scan_report sum_;
  std::uint64_t messages_ = 0;
  std::vector<shard_totals> shards_;
  progress_bar bar_;
};

/// Registers the messages and actor classes of this sample.
void register_classes(troupe::pipeline::registry& r);

}  // namespace word_count
