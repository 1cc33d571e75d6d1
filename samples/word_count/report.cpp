#include "report.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace word_count {

void write_note(std::string_view text) {
  // What cannot be shown is no reason to fail.
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text.data(), text.size());
}

void merge_best(std::span<const shard_totals> shards, std::size_t limit,
                const std::function<void(const counted_word&)>& visit) {
  struct run {
    std::vector<counted_word>::const_iterator at;
    std::vector<counted_word>::const_iterator end;
  };
  std::vector<run> heap;
  for (const auto& shard : shards) {
    if (!shard.best->empty()) heap.push_back({shard.best->begin(), shard.best->end()});
  }
  const auto later = [](const run& a, const run& b) { return *b.at < *a.at; };
  std::make_heap(heap.begin(), heap.end(), later);
  for (std::size_t n = 0; n < limit && !heap.empty(); ++n) {
    std::pop_heap(heap.begin(), heap.end(), later);
    auto& first = heap.back();
    visit(*first.at);
    if (++first.at == first.end) {
      heap.pop_back();
    } else {
      std::push_heap(heap.begin(), heap.end(), later);
    }
  }
}

std::string top_line(const counted_word& word) {
  constexpr std::size_t longest = 80;
  if (word.word.size() <= longest) return fmt::format("{:>12}  {}\n", word.count, word.word);
  return fmt::format("{:>12}  {}... ({} bytes)\n", word.count, word.word.substr(0, longest), word.word.size());
}

std::string totals_text(const run_totals& totals) {
  const auto& scan = totals.scan;
  std::string text;
  const auto line = [&text](std::string_view name, const auto& value) {
    text += fmt::format("{:<20}{:>16}\n", name, value);
  };
  const double seconds = totals.elapsed.count();
  line("files", scan.files);
  line("bytes", scan.bytes);
  line("words", totals.words);
  line("distinct words", totals.distinct);
  line("seconds", fmt::format("{:.3f}", seconds));
  line("messages", totals.messages);
  line("MB/s", fmt::format("{:.1f}", seconds > 0 ? static_cast<double>(scan.bytes) / 1e6 / seconds : 0.0));
  for (std::size_t i = 0; i < skip_reasons; ++i) {
    if (scan.skipped[i] != 0) line(fmt::format("skipped {}", to_string(static_cast<skip>(i))), scan.skipped[i]);
  }
  return text;
}

std::string progress_text(const scan_report& sum, std::size_t width) {
  // While the walk goes on nobody knows how many files there are.
  const bool known = sum.walks_ended > 0;
  std::string text = fmt::format(" {}/{}{} files, {:.1f} MB", sum.files_done, sum.files_found, known ? "" : "+",
                                 static_cast<double>(sum.bytes) / 1e6);
  constexpr std::size_t widest = 40;
  if (width >= text.size() + 12) {
    const std::size_t cells = std::min(widest, width - text.size() - 2);
    const auto filled =
        sum.files_found == 0
            ? std::size_t{0}
            : static_cast<std::size_t>(std::min(sum.files_done, sum.files_found) * cells / sum.files_found);
    text = fmt::format("[{:#<{}}{:.<{}}]{}", "", filled, "", cells - filled, text);
  }
  return text.substr(0, width);
}

progress_bar::progress_bar() : enabled_(::isatty(STDERR_FILENO) == 1) {}

void progress_bar::show(const scan_report& sum) {
  if (!enabled_) return;
  const auto now = clock::now();
  if (now < next_) return;
  next_ = now + std::chrono::milliseconds(100);

  winsize size{};
  const bool known = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
  write_note(fmt::format("\r{}\033[K", progress_text(sum, known ? size.ws_col - 1u : 79u)));
  drawn_ = true;
}

void progress_bar::clear() {
  if (std::exchange(drawn_, false)) write_note("\r\033[K");
}

}  // namespace word_count
