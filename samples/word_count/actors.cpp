#include "actors.hpp"

#include <algorithm>
#include <filesystem>
#include <limits>
#include <utility>

#include <fmt/format.h>

namespace word_count {

using troupe::pipeline::context;
using troupe::pipeline::output;

namespace {

constexpr auto no_limit = std::numeric_limits<std::size_t>::max();

std::size_t size_of(const context& c, std::string_view parameter) {
  return static_cast<std::size_t>(c.get<std::int64_t>(parameter));
}

/// Whether there is still somebody who reads; throws `troupe_error` for any other failure.
bool written(const troupe::result<void>& r) {
  if (r) return true;
  if (r.error() == troupe::errc::closed) return false;
  throw troupe::troupe_error(r.error());
}

}  // namespace

file_walker::file_walker(const context& c)
    : walk_(c.get<std::filesystem::path>("root").string()),
      batch_(size_of(c, "batch")),
      files_(c.output<file_batch>("files")),
      reports_(c.output<scan_report>("reports")) {}

troupe::task<> file_walker::run() {
  for (bool more = true; more && !stop_requested();) {
    file_batch batch;
    scan_report report;
    more = walk_.next(batch, batch_, report);
    report.walks_ended = more ? 0 : 1;
    if (batch.files() > 0) files_.publish(std::move(batch));
    reports_.publish(report);
    co_await troupe::this_task::yield();
  }
}

word_reader::word_reader(const context& c)
    : flush_words_(size_of(c, "flush")),
      counts_(c.output<word_counts>("counts")),
      reports_(c.output<scan_report>("reports")) {
  for (std::size_t i = 0; i < c.fan_out("counts"); ++i) keys_.push_back(std::to_string(i));
}

troupe::task<> word_reader::on(const file_batch& batch) {
  constexpr std::size_t chunks_in_slice = 32;
  constexpr std::size_t files_in_slice = 16;  // a disk that is asleep takes its time for each
  scan_report report;
  report.messages = 1;
  file_batch::cursor files(batch);
  std::size_t done = 0;
  while (const auto* path = files.next()) {
    if (!scanner_.open(*path, report)) continue;
    for (std::size_t chunks = 1; scanner_.step(table_, report); ++chunks) {
      if (full()) flush();
      if (chunks % chunks_in_slice == 0) {  // a large file: let others run, and show that it goes on
        reports_.publish(std::exchange(report, {}));
        co_await troupe::this_task::yield();
      }
    }
    if (full()) flush();
    if (++done % files_in_slice == 0) co_await troupe::this_task::yield();
  }
  reports_.publish(report);
}

void word_reader::on_stop() { flush(); }

bool word_reader::full() const noexcept {
  constexpr std::size_t most_long_bytes = std::size_t{8} << 20;
  return table_.distinct() >= flush_words_ || table_.long_bytes() >= most_long_bytes;
}

void word_reader::flush() {
  auto parts = table_.take(keys_.size());
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (!parts[i].empty()) counts_.publish(keys_[i], std::move(parts[i]));
  }
}

word_counter::word_counter(const context& c)
    : wanted_(c.get<std::filesystem::path>("out").empty() ? size_of(c, "top") : no_limit),
      shards_(c.count()),
      totals_(c.output<shard_totals>("totals")) {}

void word_counter::on(const word_counts& counts) {
  table_->merge(counts);
  ++messages_;
}

void word_counter::on_stop() {
  shard_totals totals;
  totals.best = std::make_shared<const std::vector<counted_word>>(table_->sorted(wanted_));
  totals.words = table_->words();
  totals.distinct = table_->distinct();
  totals.shards = shards_;
  totals.messages = messages_;
  totals.table = std::move(table_);
  totals_.publish(std::move(totals));
}

result_printer::result_printer(const context& c) : top_(size_of(c, "top")) {
  if (const auto& path = c.get<std::filesystem::path>("out"); !path.empty()) out_ = output::replace(path).value();
}

void result_printer::on(const scan_report& report) {
  sum_ += report;
  ++messages_;
  bar_.show(sum_);
}

void result_printer::on(const shard_totals& totals) {
  shards_.push_back(totals);
  messages_ += totals.messages + 1;
}

bool result_printer::complete() const noexcept {
  return sum_.walks_ended == 1 && sum_.files_done == sum_.files_found && !shards_.empty() &&
         shards_.size() == shards_.front().shards;
}

void result_printer::on_stop() {
  bar_.clear();
  if (!complete()) {  // the run was interrupted or has failed, and the command says which
    write_note("word_count: not all files were counted, so no counts are printed\n");
    return;
  }
  const bool all_written = out_ && write_all();
  print();
  if (all_written) written(out_->finish());  // last: it replaces the file of an earlier run
}

bool result_printer::write_all() {
  bool open = true;
  merge_best(shards_, no_limit, [&](const counted_word& w) {
    open = open && written(out_->write(fmt::format("{}\t", w.count))) && written(out_->write(w.word)) &&
           written(out_->write("\n"));
  });
  return open && written(out_->flush());
}

void result_printer::print() {
  run_totals totals;
  totals.scan = sum_;
  totals.messages = sum_.messages + messages_;
  for (const auto& shard : shards_) {
    totals.words += shard.words;
    totals.distinct += shard.distinct;
  }
  std::string text;
  merge_best(shards_, top_, [&text](const counted_word& w) { text += top_line(w); });
  totals.elapsed = std::chrono::steady_clock::now() - started_;
  text += fmt::format("\n{}", totals_text(totals));
  auto screen = output::standard();
  if (written(screen.write(text))) written(screen.finish());
}

void register_classes(troupe::pipeline::registry& r) {
  using std::filesystem::path;
  r.message<file_batch>("file_batch");
  r.message<word_counts>("word_counts");
  r.message<scan_report>("scan_report");
  r.message<shard_totals>("shard_totals");

  r.actor<file_walker>("file_walker", "Walks a folder and publishes the files below it; links are not followed")
      .parameter<path>("root", "Folder to walk")
      .parameter<std::int64_t>("batch", "Files in a message", 32)
      .at_least(1)
      .output<file_batch>("files")
      .output<scan_report>("reports");
  r.actor<word_reader>("word_reader", "Counts the words of files and hands the counts on, split by word")
      .parameter<std::int64_t>("flush", "Distinct words after which the counts are handed on", 131072)
      .at_least(1)
      .input<file_batch>()
      .output<word_counts>("counts")
      .output<scan_report>("reports");
  r.actor<word_counter>("word_counter", "Adds up the counts of its share of the words")
      .parameter<std::int64_t>("top", "Words to keep, the most frequent ones, where there is no output file", 20)
      .at_least(0)
      .parameter<path>("out", "Output file: all words are kept for it", path())
      .input<word_counts>()
      .output<shard_totals>("totals");
  r.actor<result_printer>("result_printer", "Shows the progress; prints the most frequent words and the totals")
      .parameter<std::int64_t>("top", "Words to print", 20)
      .at_least(0)
      .parameter<path>("out", "File for all counts, a line of count, tab and word each; empty: none", path())
      .input<scan_report>()
      .input<shard_totals>();
}

}  // namespace word_count
