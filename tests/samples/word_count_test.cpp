#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include <word_count/file_scanner.hpp>
#include <word_count/folder_walk.hpp>
#include <word_count/report.hpp>
#include <word_count/scan_words.hpp>
#include <word_count/word_table.hpp>

namespace {

namespace fs = std::filesystem;
using namespace word_count;

using counts = std::map<std::string, std::uint64_t>;

/// The slow and obvious way.
counts counts_of(std::string_view text) {
  counts result;
  std::string word;
  for (const char c : text) {
    if (is_word_byte(c)) {
      word += c;
    } else if (!word.empty()) {
      ++result[std::exchange(word, {})];
    }
  }
  if (!word.empty()) ++result[word];
  return result;
}

counts counts_of(const word_table& table) {
  counts result;
  for (const auto& [word, count] : table.sorted(table.distinct())) result[std::string(word)] += count;
  return result;
}

/// Random bytes with runs of word bytes between `shortest` and `longest`.
std::string random_text(std::mt19937& rng, std::size_t size, std::size_t longest) {
  static constexpr std::string_view word_bytes = "abcXYZ019_";
  std::string text;
  while (text.size() < size) {
    for (std::size_t n = rng() % (longest + 1); n > 0; --n) text += word_bytes[rng() % word_bytes.size()];
    for (std::size_t n = rng() % 4; n > 0; --n) {
      const char c = static_cast<char>(rng() % 256);
      text += is_word_byte(c) ? ' ' : c;
    }
  }
  text.resize(size);
  return text;
}

class folder {
public:
  folder() {
    std::string pattern = (fs::temp_directory_path() / "word_count_XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path_ = pattern;
  }
  folder(const folder&) = delete;
  folder& operator=(const folder&) = delete;
  ~folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }

  const fs::path& path() const { return path_; }
  fs::path write(const std::string& name, std::string_view text) const {
    const auto file = path_ / name;
    fs::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
    return file;
  }

private:
  fs::path path_;
};

scan_report scan_file(const fs::path& path, word_table& table) {
  file_scanner scanner;
  scan_report report;
  if (scanner.open(path.string(), report)) {
    while (scanner.step(table, report)) {
    }
  }
  return report;
}

TEST(ScanWords, finds_the_same_words_as_a_loop_over_bytes) {
  std::mt19937 rng(7);
  for (int round = 0; round < 300; ++round) {
    const std::string text = random_text(rng, rng() % 10000, 1 + rng() % 90);
    std::vector<char> padded(text.begin(), text.end());
    padded.resize(text.size() + scan_padding, 'x');  // what lies behind the end is no part of the text
    counts found;
    const char* end = padded.data() + text.size();
    const char* open =
        scan_words(padded.data(), end, [&](const char* p, std::size_t n) { ++found[std::string(p, n)]; });
    if (open != end) ++found[std::string(open, end)];
    ASSERT_EQ(found, counts_of(text)) << "round " << round;
  }
}

TEST(ScanWords, leaves_a_word_open_that_reaches_the_end) {
  std::string text = "one two";
  text.resize(text.size() + scan_padding, ' ');
  std::vector<std::string> found;
  const char* open =
      scan_words(text.data(), text.data() + 7, [&](const char* p, std::size_t n) { found.emplace_back(p, n); });
  EXPECT_EQ(found, std::vector<std::string>{"one"});
  EXPECT_EQ(open - text.data(), 4);
}

TEST(ScanWords, knows_every_byte) {
  for (int c = 0; c < 256; ++c) {
    std::string text(1 + scan_padding, static_cast<char>(c));
    const char* open = scan_words(text.data(), text.data() + 1, [](const char*, std::size_t) {});
    EXPECT_EQ(open == text.data(), is_word_byte(static_cast<char>(c))) << c;
  }
}

TEST(WordTable, counts_words_of_every_length_while_it_grows) {
  word_table table;
  counts expected;
  for (std::size_t size = 1; size <= 300; ++size) {
    for (int variant = 0; variant < 60; ++variant) {
      const std::string word = std::to_string(variant) + std::string(size, 'w');
      for (int n = 0; n <= variant % 3; ++n) {
        table.add((word + std::string(padding, '?')).data(), word.size());
        ++expected[word];
      }
    }
  }
  EXPECT_EQ(counts_of(table), expected);
  EXPECT_EQ(table.distinct(), expected.size());
}

TEST(WordTable, sends_a_word_to_the_same_shard_from_every_table) {
  std::mt19937 rng(3);
  counts expected;
  std::vector<word_table> merged(3);
  for (int part = 0; part < 4; ++part) {
    word_table table;
    for (int i = 0; i < 20000; ++i) {
      const std::string word = "w" + std::to_string(rng() % 5000) + std::string(rng() % 30, 'z');
      table.add((word + std::string(padding, '?')).data(), word.size());
      ++expected[word];
    }
    const auto huge = std::make_shared<const std::string>(word_table::huge_size + 1, 'h');
    table.add_huge(huge, 2);
    expected[*huge] += 2;
    const auto parts = table.take(merged.size());
    EXPECT_EQ(table.distinct(), 0u);
    for (std::size_t i = 0; i < parts.size(); ++i) merged[i].merge(parts[i]);
  }
  counts sum;
  std::size_t distinct = 0;
  for (const auto& table : merged) {
    sum.merge(counts_of(table));
    distinct += table.distinct();
  }
  EXPECT_EQ(sum, expected);
  EXPECT_EQ(distinct, expected.size()) << "a word was in two shards";
}

TEST(WordTable, sorts_by_count_and_then_by_byte) {
  word_table table;
  for (const std::string word : {"b", "a", "a", "B", "ab", "a_very_long_word_indeed"}) {
    table.add((word + std::string(padding, '?')).data(), word.size());
  }
  std::vector<std::string> order;
  for (const auto& entry : table.sorted(4)) order.emplace_back(entry.word);
  EXPECT_EQ(order, (std::vector<std::string>{"a", "B", "a_very_long_word_indeed", "ab"}));
}

TEST(FileScanner, counts_words_across_the_borders_of_chunks) {
  const folder dir;
  std::mt19937 rng(11);
  for (const std::size_t longest : {8u, 1000u, 90000u, 400000u}) {
    const std::string text = random_text(rng, 1500000, longest);
    word_table table;
    const auto report = scan_file(dir.write("text", text), table);
    EXPECT_EQ(report.files, 1u);
    EXPECT_EQ(report.bytes, text.size());
    EXPECT_EQ(counts_of(table), counts_of(text)) << "longest " << longest;
  }
}

TEST(FileScanner, counts_a_file_that_is_one_word) {
  const folder dir;
  const std::string text(5000000, 'a');
  word_table table;
  scan_file(dir.write("word", text), table);
  EXPECT_EQ(counts_of(table), (counts{{text, 1}}));
}

TEST(FileScanner, takes_the_end_of_a_file_as_a_separator) {
  const folder dir;
  word_table table;
  scan_file(dir.write("1", "one"), table);
  scan_file(dir.write("2", "two"), table);
  EXPECT_EQ(counts_of(table), (counts{{"one", 1}, {"two", 1}}));
}

TEST(FileScanner, reads_files_whose_size_is_not_known) {
  word_table table;
  const auto report = scan_file("/proc/self/status", table);
  EXPECT_EQ(report.files, 1u);
  EXPECT_EQ(counts_of(table).count("VmPeak"), 1u);
}

TEST(FileScanner, says_why_it_skips_what_it_cannot_read) {
  const folder dir;
  const auto file = dir.write("file", "text");
  fs::create_symlink(file, dir.path() / "link");
  ASSERT_EQ(::mkfifo((dir.path() / "pipe").c_str(), 0600), 0);
  word_table table;
  const auto skipped = [&](const fs::path& path, skip reason) {
    const auto report = scan_file(path, table);
    EXPECT_EQ(report.files_done, 1u);
    return report.skipped[static_cast<std::size_t>(reason)];
  };
  EXPECT_EQ(skipped(dir.path() / "link", skip::link), 1u);
  EXPECT_EQ(skipped(dir.path() / "pipe", skip::pipe), 1u);
  EXPECT_EQ(skipped("/dev/null", skip::device), 1u);
  EXPECT_EQ(skipped(dir.path() / "gone", skip::vanished), 1u);
  if (::geteuid() != 0) {
    fs::permissions(file, fs::perms::none);
    EXPECT_EQ(skipped(file, skip::unreadable_file), 1u);
  }
  EXPECT_EQ(table.distinct(), 0u);
}

TEST(FolderWalk, lists_every_file_once_whatever_its_name) {
  const folder dir;
  std::map<std::string, int> expected;
  for (const std::string name :
       {"a", "b c", "new\nline", "\xff\xfe", "-n", "sub/a", "sub/deep/er/a", "sub2/f", "$(x)"}) {
    expected[dir.write(name, "x").string()] = 1;
  }
  fs::create_directories(dir.path() / "empty");
  fs::create_directory_symlink(dir.path(), dir.path() / "sub/loop");
  for (const std::size_t limit : {1u, 2u, 100u}) {
    folder_walk walk(dir.path().string());
    scan_report report;
    std::map<std::string, int> found;
    for (bool more = true; more;) {
      file_batch batch;
      more = walk.next(batch, limit, report);
      EXPECT_LE(batch.files(), limit);
      file_batch::cursor files(batch);
      while (const auto* path = files.next()) ++found[*path];
    }
    EXPECT_EQ(found, expected);
    EXPECT_EQ(report.files_found, expected.size());
    EXPECT_EQ(report.skipped[static_cast<std::size_t>(skip::link)], 1u);
  }
}

TEST(FolderWalk, throws_where_the_root_is_no_folder) {
  const folder dir;
  EXPECT_THROW(folder_walk("/nonexistent"), std::system_error);
  EXPECT_THROW(folder_walk(dir.write("file", "").string()), std::system_error);
}

TEST(Progress, fits_the_terminal) {
  scan_report sum;
  sum.files_found = 200;
  sum.files_done = 100;
  sum.bytes = 12345678;
  EXPECT_EQ(progress_text(sum, 36), "[#####.....] 100/200+ files, 12.3 MB");
  sum.walks_ended = 1;
  EXPECT_EQ(progress_text(sum, 20), " 100/200 files, 12.3");
  for (std::size_t width = 0; width < 200; ++width) EXPECT_LE(progress_text(sum, width).size(), width);
}

}  // namespace
