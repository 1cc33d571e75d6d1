#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>

namespace {

namespace fs = std::filesystem;
using namespace std::string_view_literals;

const std::string source_dir = TROUPE_SOURCE_DIR;
const std::string sample = source_dir + "/samples/word_count";

struct outcome {
  int code;
  std::string text;  // what the script wrote
};

/// Runs a bash script in which $troupe counts words and $dir is a folder; what goes to standard error is in the text.
class WordCount : public testing::Test {
protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "word_count_XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    dir_ = pattern;
    fs::create_directory(dir_ / "tree");
  }
  void TearDown() override {
    std::error_code ignored;
    fs::remove_all(dir_, ignored);
  }

  outcome run(const std::string& script) const {
    std::ofstream(dir_ / "script") << "set -o pipefail\nexec 2>&1\ncd '" << dir_.string() << "'\ncount() { '"
                                   << TROUPE_COMMAND << "' run '" << sample
                                   << "/pipeline.yaml' --workers ${workers:-2} --set root=tree \"$@\"; }\n"
                                   << script << "\n";
    const std::string command = "timeout 100 bash '" + (dir_ / "script").string() + "' </dev/null";
    FILE* out = ::popen(command.c_str(), "r");
    if (out == nullptr) throw std::runtime_error("cannot run bash");
    outcome result{0, {}};
    char buffer[4096];
    for (std::size_t n; (n = std::fread(buffer, 1, sizeof buffer, out)) > 0;) result.text.append(buffer, n);
    const int status = ::pclose(out);
    result.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return result;
  }

  void write(const std::string& name, std::string_view text) const {
    const auto file = dir_ / "tree" / name;
    fs::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
  }

  fs::path dir_;
};

TEST_F(WordCount, equals_coreutils_on_files_of_all_sorts) {
  std::mt19937 rng(5);
  write("empty", "");
  write("no_line_end", "the end");
  write("new\nline in name", "the name");
  write("-n", "the option");
  write("deep/er/and/deep er/x", "a_b c1 C1 \xc3\xa4 x \0 z"sv);
  write("one_word", std::string(3000000, 'a'));
  std::string binary(2000000, '\0');
  for (auto& c : binary) c = static_cast<char>(rng() % 256);
  write("binary", binary);
  for (int i = 0; i < 300; ++i) {
    std::string text;
    for (int n = static_cast<int>(rng() % 3000); n > 0; --n) {
      text += std::string(1 + rng() % 3, static_cast<char>('a' + rng() % 26)) + std::to_string(rng() % 50);
      text += " ,;\n\t."[rng() % 6];
    }
    write("many/" + std::to_string(i % 7) + "/" + std::to_string(i), text);
  }
  fs::create_directory_symlink(dir_ / "tree", dir_ / "tree/loop");
  fs::create_symlink(dir_ / "tree/binary", dir_ / "tree/link");
  ASSERT_EQ(::mkfifo((dir_ / "tree/pipe").c_str(), 0600), 0);

  const auto result = run("TROUPE='" TROUPE_COMMAND "' '" + sample + "/compare_with_coreutils' tree --workers 2");
  EXPECT_EQ(result.code, 0) << result.text;
  EXPECT_NE(result.text.find("equal: "), std::string::npos) << result.text;
}

TEST_F(WordCount, prints_the_most_frequent_words_and_the_totals) {
  write("a", "x x x y y z");
  write("b", "y");
  fs::create_symlink("a", dir_ / "tree/link");
  const auto result = run("count --set top=2");
  EXPECT_EQ(result.code, 0) << result.text;
  EXPECT_EQ(result.text.find("           3  x\n           3  y\n\n"), 0u) << result.text;
  for (const std::string_view line :
       {"files                              2\n", "bytes                             12\n",
        "words                              7\n", "distinct words                     3\n",
        "skipped links                      1\n"}) {
    EXPECT_NE(result.text.find(line), std::string::npos) << line << "in\n" << result.text;
  }
}

TEST_F(WordCount, writes_all_counts_in_order) {
  write("a", "b b c a _ B 10 b a");
  const auto result = run("count --set top=0 --set out=counts >/dev/null; cat counts");
  EXPECT_EQ(result.text, "3\tb\n2\ta\n1\t10\n1\tB\n1\t_\n1\tc\n");
}

TEST_F(WordCount, counts_an_empty_folder) {
  const auto result = run("count --set out=counts; cat counts");
  EXPECT_EQ(result.code, 0) << result.text;
  EXPECT_NE(result.text.find("files                              0\n"), std::string::npos) << result.text;
}

TEST_F(WordCount, fails_where_the_root_is_missing) {
  const auto result = run("count --set root=/nonexistent/folder");
  EXPECT_EQ(result.code, 1) << result.text;
  EXPECT_NE(result.text.find("cannot list '/nonexistent/folder': No such file or directory"), std::string::npos)
      << result.text;
}

TEST_F(WordCount, fails_where_the_disk_is_full) {
  write("a", "word");
  for (const std::string script : {"count --set out=/dev/full", "count >/dev/full"}) {
    const auto result = run(script);
    EXPECT_EQ(result.code, 1) << script << "\n" << result.text;
    EXPECT_NE(result.text.find("No space left on device"), std::string::npos) << result.text;
  }
}

TEST_F(WordCount, that_fails_leaves_the_counts_of_an_earlier_run) {
  std::string words;
  for (int i = 0; i < 2000; ++i) words += "word" + std::to_string(i) + "\n";
  write("words", words);
  const std::string earlier = "mkdir out; echo earlier >out/counts\n";
  const std::string failing[] = {
      "count --set out=out/counts --set root=/nonexistent",
      "count --set out=out/counts >/dev/full",
      "(ulimit -f 1; trap '' XFSZ; count --set out=out/counts)",
  };
  for (const std::string& script : failing) {
    const auto result = run("rm -rf out; " + earlier + script + " 2>errors; echo code $?; cat out/counts; ls -A out");
    EXPECT_NE(result.text.find("code 1\nearlier\ncounts\n"), std::string::npos) << script << "\n" << result.text;
  }
  const auto result =
      run("rm -rf out; " + earlier +
          "chmod 640 out/counts; ln -s counts out/link; count --set out=out/link >/dev/null && ls -A out && "
          "stat -c %a out/counts && wc -l <out/counts && readlink out/link");
  EXPECT_EQ(result.text, "counts\nlink\n640\n2000\ncounts\n");
}

TEST_F(WordCount, ends_quietly_when_the_reader_of_its_output_has_gone) {
  for (int i = 0; i < 3000; ++i) write("f" + std::to_string(i % 10), std::to_string(i));
  const auto result = run("count --set top=100000 | head -n 0; echo \"code ${PIPESTATUS[0]}\"");
  EXPECT_TRUE(result.text == "code 0\n" || result.text == "code 141\n") << result.text;
}

TEST_F(WordCount, draws_no_progress_where_standard_error_is_no_terminal) {
  for (int i = 0; i < 500; ++i) write(std::to_string(i), "word");
  const auto result = run("count 2>errors >/dev/null; cat errors");
  EXPECT_EQ(result.text, "");
}

TEST_F(WordCount, runs_with_one_worker_as_with_many) {
  for (int i = 0; i < 500; ++i) write(std::to_string(i), "word w" + std::to_string(i % 37));
  const auto result =
      run("for workers in 1 2 8; do count --set out=out$workers >/dev/null || exit 9; done; "
          "cmp out1 out2 && cmp out1 out8 && wc -l <out1");
  EXPECT_EQ(result.code, 0);
  EXPECT_EQ(result.text, "38\n");
}

}  // namespace
