#include <sys/stat.h>

#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../common.hpp"
#include "process.hpp"

namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using tests::eventually;
using troupe::testing::process;
using troupe::testing::read_file;
using troupe::testing::shell;

class Command : public ::testing::Test {
protected:
  std::string file(const std::string& name, const std::string& text) const {
    return folder_.write(name, text).native();
  }
  std::string path(const std::string& name) const { return (folder_.path() / name).native(); }

  // A pipeline that copies the file `input` to standard output and to the file `copy`.
  std::string copying() const {
    return file("copy.yaml",
                "parameters:\n"
                "  input: {type: path, default: " +
                    path("input") +
                    "}\n"
                    "  copy: {type: path, default: " +
                    path("copy") +
                    "}\n"
                    "exchanges:\n"
                    "  - {name: lines, message: text_line}\n"
                    "actors:\n"
                    "  - {name: read, class: line_source, parameters: {file: \"${input}\"}, publish: lines}\n"
                    "  - {name: show, class: printer, attach: lines}\n"
                    "  - {name: save, class: line_file, parameters: {file: \"${copy}\"}, attach: lines}\n");
  }

  static std::string numbers(int last) {
    std::string text;
    for (int i = 1; i <= last; ++i) text += std::to_string(i) + "\n";
    return text;
  }

  /// Waits until somebody reads the pipe `input`: until then the `feeder` cannot open it, nor make the file `fed`.
  void wait_for_reader() const {
    ASSERT_TRUE(eventually([&] { return std::filesystem::exists(path("fed")); }));
  }

  troupe::testing::scratch_folder folder_;
};

TEST_F(Command, without_arguments_prints_help_and_fails) {
  const auto end = shell("troupe");
  EXPECT_EQ(end.code, 2);
  EXPECT_THAT(end.out, HasSubstr("check"));
}

TEST_F(Command, help_is_everywhere) {
  for (const std::string words : {"--help", "run --help", "check --help", "graph --help", "classes --help"}) {
    const auto end = shell("troupe " + words);
    EXPECT_EQ(end.code, 0) << words;
    EXPECT_THAT(end.out, HasSubstr("--help")) << words;
  }
}

TEST_F(Command, help_tells_the_exit_codes) {
  EXPECT_THAT(
      shell("troupe --help").out,
      HasSubstr("Exit codes: 0 all right, 1 the run failed, 2 bad usage or a bad file, 130 ended by Ctrl-C, 143 "
                "by SIGTERM."));
}

TEST_F(Command, version_is_that_of_the_project) {
  const auto end = shell("troupe --version");
  EXPECT_EQ(end.code, 0);
  std::string project = read_file(TROUPE_SOURCE_DIR "/CMakeLists.txt");
  const std::string before = "project(troupe VERSION ";
  project.erase(0, project.find(before) + before.size());
  EXPECT_EQ(end.out, "troupe " + project.substr(0, project.find(' ')) + "\n");
}

TEST_F(Command, bad_usage_is_exit_code_2) {
  for (const std::string words :
       {"rnu x.yaml", "run", "run --wrokers 2 x", "run x --workers 0", "run x --workers many", "run x --deadline -1",
        "run x --stats 0", "run x --stats many", "check", "check a b", "--nothing", "graph x -o"}) {
    const auto end = shell("troupe " + words);
    EXPECT_EQ(end.code, 2) << words;
    EXPECT_THAT(end.err, StartsWith("troupe: ")) << words;
  }
  for (const std::string option : {"stats", "deadline"}) {
    for (const std::string number : {"nan", "-nan", "NAN", "inf", "-inf", "1e300", "1e999", "86401", "5s"}) {
      const auto end = shell("troupe run x --" + option + "=" + number);
      EXPECT_EQ(end.code, 2) << option << " " << number;
      EXPECT_THAT(end.err, HasSubstr("--" + option)) << number;
      EXPECT_THAT(end.err, HasSubstr("is no number of seconds from ")) << number;
    }
  }
  EXPECT_EQ(shell("troupe rnu x.yaml").err, "troupe: unknown command 'rnu' (did you mean 'run'?)\n");
}

TEST_F(Command, run_tells_what_the_actors_do_each_interval_and_at_the_end) {
  file("input", numbers(2000));
  const auto end = shell("troupe run " + copying() + " --stats 60 --stats-json " + path("stats"));
  EXPECT_EQ(end.code, 0) << end.err;
  EXPECT_EQ(end.out, numbers(2000));
  EXPECT_THAT(end.err, StartsWith("troupe: "));
  EXPECT_THAT(end.err, HasSubstr("sent 4,000 = handled 4,000 + failed 0 + dropped 0 + dead letters 0 + queued 0\n"));
  EXPECT_THAT(end.err, HasSubstr("printer"));
  EXPECT_THAT(end.err, ::testing::ContainsRegex("\nlines +fanout +0 +2,000 +[0-9,]+ +4,000 +[0-9,]+ +0 +-  -\n"));
  const auto lines = read_file(path("stats"));
  EXPECT_THAT(lines, StartsWith("{\"seconds\":"));
  EXPECT_THAT(lines, HasSubstr("\"sent\":4000,\"handled\":4000,"));
  EXPECT_THAT(lines, HasSubstr(",\"exchanges\":[{\"exchange\":\"lines\",\"kind\":\"fanout\","));
  EXPECT_THAT(lines, HasSubstr("\"routed\":4000,\"delivered\":4000,"));
  EXPECT_EQ(lines.find('\n'), lines.size() - 1) << "only the last word: it was over soon";
}

TEST_F(Command, run_tells_nothing_of_that_unless_it_is_asked_to) {
  file("input", numbers(3));
  EXPECT_EQ(shell("troupe run " + copying()).err, "");
  EXPECT_THAT(shell("troupe run --stats " + copying()).err, HasSubstr("queued 0\n")) << "without a number";
}

TEST_F(Command, a_tap_prints_what_is_published_on_standard_error) {
  file("input", "one\ntwo\nit's three\n");
  const auto end = shell("troupe run " + copying() + " --tap lines");
  EXPECT_EQ(end.code, 0);
  EXPECT_EQ(end.out, "one\ntwo\nit's three\n");
  EXPECT_EQ(end.err, "lines[1]: 'one'\nlines[2]: 'two'\nlines[3]: 'it\\'s three'\n");
}

TEST_F(Command, a_tap_of_what_there_is_not_is_exit_code_2) {
  file("input", numbers(3));
  const auto end = shell("troupe run " + copying() + " --tap line");
  EXPECT_EQ(end.code, 2);
  EXPECT_EQ(end.err, "troupe: --tap: unknown exchange 'line' (did you mean 'lines'?)\n");
  EXPECT_EQ(end.out, "");
  const auto pattern = shell("troupe run " + copying() + " --tap lines:eu.#");
  EXPECT_EQ(pattern.code, 1);
  EXPECT_THAT(pattern.err, HasSubstr("exchange 'lines': a fanout exchange has no patterns"));
}

TEST_F(Command, a_file_for_statistics_that_cannot_be_made_is_exit_code_1) {
  file("input", numbers(3));
  const auto end = shell("troupe run " + copying() + " --stats-json " + path("none/stats"));
  EXPECT_EQ(end.code, 1);
  EXPECT_THAT(end.err, HasSubstr("none/stats"));
  EXPECT_EQ(end.out, "");
}

TEST_F(Command, the_table_comes_each_interval_while_the_pipeline_runs) {
  ASSERT_EQ(::mkfifo(path("input").c_str(), 0600), 0);
  process feeder("exec sleep 60 > " + path("input"));
  process run("troupe run " + copying() + " --stats 0.05");
  EXPECT_TRUE(eventually([&] {
    const auto said = run.complaints();
    std::size_t tables = 0;
    for (auto at = said.find("sent "); at != said.npos; at = said.find("sent ", at + 1)) ++tables;
    return tables >= 3;
  }));
  feeder.signal(SIGTERM);  // the end of the input
  const auto end = run.wait();
  EXPECT_EQ(end.code, 0) << end.err;
}

TEST_F(Command, check_tells_all_errors_with_their_places) {
  const auto name = file("bad.yaml",
                         "exchanges:\n"
                         "  - {name: lines, message: text_lien}\n"
                         "actors:\n"
                         "  - {name: read, class: line_suorce, publish: lines}\n"
                         "  - {name: show, class: printer, attach: liens}\n");
  const auto end = shell("troupe check " + name);
  EXPECT_EQ(end.code, 2);
  EXPECT_EQ(end.out, "");
  EXPECT_EQ(end.err, "troupe: " + name + ":2:12: nobody is attached to the exchange 'lines'\n" + "troupe: " + name +
                         ":2:28: unknown message 'text_lien' (did you mean 'text_line'?)\n" + "troupe: " + name +
                         ":4:25: unknown class 'line_suorce' (did you mean 'line_source'?)\n" + "troupe: " + name +
                         ":5:42: unknown exchange 'liens' (did you mean 'lines'?)\n");
  EXPECT_EQ(shell("troupe run " + name).code, 2);
  EXPECT_EQ(shell("troupe graph " + name).code, 2);
}

TEST_F(Command, check_of_a_good_file_says_so) {
  const auto end = shell("troupe check " + copying());
  EXPECT_EQ(end.code, 0) << end.err;
  EXPECT_THAT(end.out, HasSubstr("ok"));
}

TEST_F(Command, files_that_are_no_pipelines_are_exit_code_2) {
  file("empty.yaml", "");
  file("binary.yaml", std::string("\x7f"
                                  "ELF\0\1\2",
                                  7));
  file("malformed.yaml", "actors: [\n");
  file("cyclic.yaml", "actors: &a [*a]\n");
  file("tab.yaml", "\tactors: 1\n");
  file("huge.yaml", std::string(5 << 20, '#'));
  file("deep.yaml", std::string(1 << 20, '['));
  for (const std::string name : {"empty", "binary", "malformed", "cyclic", "tab", "huge", "deep", "missing"}) {
    for (const std::string command : {"check", "graph", "run"}) {
      const auto end = shell("troupe " + command + " " + path(name + ".yaml"));
      EXPECT_EQ(end.code, 2) << command << " " << name;
      EXPECT_THAT(end.err, StartsWith("troupe: " + path(name + ".yaml") + ":")) << command << " " << name;
    }
  }
  EXPECT_EQ(shell("troupe check /dev/zero").code, 2);
  EXPECT_EQ(shell("troupe check " + folder_.path().native()).code, 2);
}

TEST_F(Command, classes_lists_parameters_and_messages) {
  const auto end = shell("troupe classes");
  EXPECT_EQ(end.code, 0);
  EXPECT_THAT(end.out, HasSubstr("line_source: Reads a file and publishes its lines\n"
                                 "  parameter file  path, required  File to read\n"
                                 "  publishes text_line on port lines\n"));
}

TEST_F(Command, graph_prints_dot) {
  const auto end = shell("troupe graph " + copying());
  EXPECT_EQ(end.code, 0);
  EXPECT_THAT(end.out, StartsWith("digraph"));
}

TEST_F(Command, graph_draws_with_graphviz) {
  const auto end = shell("troupe graph " + copying() + " -o " + path("x.svg"));
  EXPECT_EQ(end.code, 0) << end.err;
  EXPECT_THAT(read_file(path("x.svg")), HasSubstr("</svg>"));
}

TEST_F(Command, graph_without_graphviz_says_what_to_install) {
  const auto end = shell("PATH=/nowhere troupe graph " + copying() + " -o " + path("x.svg"));
  EXPECT_EQ(end.code, 1);
  EXPECT_THAT(end.err, HasSubstr("apt-get install graphviz"));
}

TEST_F(Command, graph_refuses_unknown_formats_and_full_disks) {
  EXPECT_EQ(shell("troupe graph " + copying() + " -o x.jpeg").code, 2);
  EXPECT_EQ(shell("troupe graph " + copying() + " -o " + path("no/x.svg")).code, 1);
  EXPECT_EQ(shell("troupe graph " + copying() + " > /dev/full").code, 1);
}

TEST_F(Command, run_ends_when_the_sources_have_ended) {
  file("input", numbers(20'000) + "last line without end");
  for (const std::string workers : {"1", "2", "4"}) {
    const auto end = shell("troupe run " + copying() + " --workers " + workers);
    EXPECT_EQ(end.code, 0) << end.err;
    EXPECT_EQ(end.err, "");
    EXPECT_EQ(end.out, numbers(20'000) + "last line without end\n");
    EXPECT_EQ(read_file(path("copy")), end.out);
  }
}

TEST_F(Command, run_tells_of_messages_that_reached_nobody) {
  const auto key = [&](const std::string& pattern) {
    return file("topic.yaml",
                "exchanges: [{name: lines, kind: topic, message: text_line}]\n"
                "actors:\n"
                "  - {name: read, class: line_source, parameters: {file: " +
                    path("input") +
                    "}, publish: lines}\n"
                    "  - {name: show, class: printer, attach: {exchange: lines, key: \"" +
                    pattern + "\"}}\n");
  };
  file("input", numbers(3));
  auto end = shell("troupe run " + key("x.#"));
  EXPECT_EQ(end.code, 0);
  EXPECT_EQ(end.out, "");
  EXPECT_EQ(end.err, "troupe: 3 messages on exchange 'lines' reached nobody\n");
  file("input", "one\n");
  end = shell("troupe run " + key("x.#"));
  EXPECT_EQ(end.err, "troupe: 1 message on exchange 'lines' reached nobody\n");
  end = shell("troupe run " + key("#"));
  EXPECT_EQ(end.out, "one\n");
  EXPECT_EQ(end.err, "");
}

TEST_F(Command, check_and_run_tell_their_notes) {
  auto name = copying();
  const auto text = read_file(name);
  file("input", "x\n");
  const auto unused = name + ":4:3: note: the parameter 'more' is used nowhere";
  file("copy.yaml", std::string(text).insert(text.find("exchanges:"), "  more: {type: integer, default: 1}\n"));
  EXPECT_THAT(shell("troupe check " + name).err, StartsWith("troupe: " + unused));
  EXPECT_THAT(shell("troupe run " + name).err, StartsWith("troupe: " + unused));

  file("copy.yaml", std::string(text).replace(text.find(", default"), 11 + path("input").size(), ""));
  const auto end = shell("troupe check " + name);
  EXPECT_EQ(end.code, 0);
  EXPECT_EQ(end.out, name + ": ok\n");
  EXPECT_EQ(end.err,
            "troupe: " + name + ":2:3: note: the parameter 'input' has no default: a run needs --set input=...\n");
  EXPECT_EQ(shell("troupe run " + name).code, 2);
  EXPECT_EQ(shell("troupe run " + name + " --set input=" + path("input")).err, "");
}

TEST_F(Command, run_takes_overrides) {
  file("input", "no\n");
  const auto other = file("other", "yes\n");
  EXPECT_EQ(shell("troupe run " + copying() + " --set input=" + other).out, "yes\n");
  EXPECT_EQ(shell("troupe run --set input=" + other + " --set copy=/dev/null " + copying()).out, "yes\n");
  const auto end = shell("troupe run " + copying() + " --set inptu=x");
  EXPECT_EQ(end.code, 2);
  EXPECT_EQ(end.err, "troupe: --set inptu=x: the pipeline has no parameter 'inptu' (did you mean 'input'?)\n");
}

TEST_F(Command, run_fails_where_an_actor_crashes_and_names_it) {
  const auto end = shell("troupe run " + copying() + " --set input=" + path("missing"));
  EXPECT_EQ(end.code, 1);
  EXPECT_THAT(end.err, HasSubstr("actor 'read' failed: cannot open '" + path("missing") + "': No such file"));
}

TEST_F(Command, run_fails_where_an_actor_cannot_be_made) {
  file("input", "x\n");
  const auto end = shell("troupe run " + copying() + " --set copy=" + path("no/copy"));
  EXPECT_EQ(end.code, 1);
  EXPECT_THAT(end.err, HasSubstr("actor 'save' failed: cannot create '" + path("no/copy") + "': No such file"));
}

TEST_F(Command, a_full_disk_is_an_error) {
  file("input", numbers(20'000));
  auto end = shell("troupe run " + copying() + " > /dev/full");
  EXPECT_EQ(end.code, 1);
  EXPECT_THAT(end.err, HasSubstr("actor 'show' failed: cannot write to standard output: No space left on device"));
  end = shell("troupe run " + copying() + " --set copy=/dev/full");
  EXPECT_EQ(end.code, 1);
  EXPECT_THAT(end.err, HasSubstr("actor 'save' failed: cannot write to '/dev/full': No space left on device"));
  EXPECT_EQ(shell("troupe classes > /dev/full").code, 1);
}

TEST_F(Command, standard_files_that_are_closed_are_never_taken_for_others) {
  file("input", numbers(3));
  const std::string refused = "cannot write to standard output: Bad file descriptor\n";
  // `copy` is the first file that is opened: it must not become the standard output.
  auto end = shell("troupe run " + copying() + " >&-");
  EXPECT_EQ(end.code, 1);
  EXPECT_THAT(end.err, HasSubstr("actor 'show' failed: " + refused));
  EXPECT_THAT(read_file(path("copy")), AnyOf("", numbers(3)));
  end = shell("troupe classes >&-");
  EXPECT_EQ(end.code, 1);
  EXPECT_EQ(end.err, "troupe: " + refused);
  end = shell("troupe graph " + copying() + " -o " + path("x.dot") + " >&- <&-");
  EXPECT_EQ(end.code, 0) << end.err;
  EXPECT_THAT(read_file(path("x.dot")), StartsWith("digraph"));

  end = shell("troupe run " + copying() + " --set input=" + path("missing") + " 2>&-");
  EXPECT_EQ(end.code, 1);
  EXPECT_EQ(read_file(path("copy")), "");
  end = shell("troupe run " + copying() + " <&- 2>&-");
  EXPECT_EQ(end.code, 0);
  EXPECT_EQ(end.out, numbers(3));
  EXPECT_EQ(read_file(path("copy")), numbers(3));
}

TEST_F(Command, a_closed_pipe_ends_the_run_quietly) {
  file("input", numbers(300'000));
  const auto end = shell("{ (troupe run " + copying() + "); echo $? > " + path("code") + "; } | head -n 3");
  EXPECT_EQ(end.out, "1\n2\n3\n");
  EXPECT_EQ(end.err, "");
  EXPECT_EQ(read_file(path("code")), "0\n");
}

TEST_F(Command, ctrl_c_ends_a_run_with_130) {
  ASSERT_EQ(::mkfifo(path("input").c_str(), 0600), 0);
  process feeder("exec 3> " + path("input") + "; echo again >&3; : > " + path("fed") +
                 "; while echo again >&3; do sleep 0.001; done");
  process p("troupe run " + copying());
  wait_for_reader();
  p.signal(SIGINT);
  const auto end = p.wait();
  EXPECT_EQ(end.code, 130);
  EXPECT_THAT(end.err, HasSubstr("stopping"));
  EXPECT_THAT(end.out, StartsWith("again\n"));
}

TEST_F(Command, an_actor_that_does_not_stop_is_named_at_the_deadline) {
  ASSERT_EQ(::mkfifo(path("input").c_str(), 0600), 0);
  process feeder("exec 3> " + path("input") + "; : > " + path("fed") + "; exec sleep 100");
  process p("troupe run " + copying() + " --deadline 0.5");
  wait_for_reader();
  p.signal(SIGINT);
  const auto end = p.wait();
  EXPECT_EQ(end.code, 130);
  EXPECT_THAT(end.err, HasSubstr("actor 'read' did not stop"));
}

TEST_F(Command, a_second_ctrl_c_ends_at_once) {
  ASSERT_EQ(::mkfifo(path("input").c_str(), 0600), 0);
  process feeder("exec 3> " + path("input") + "; : > " + path("fed") + "; exec sleep 100");
  process p("troupe run " + copying() + " --deadline 3600");
  wait_for_reader();
  p.signal(SIGINT);
  EXPECT_TRUE(eventually([&] { return tests::contains(p.complaints(), "stopping"); }));
  p.signal(SIGINT);
  EXPECT_EQ(p.wait().code, 130);
}

}  // namespace
