#!/usr/bin/env python3
"""Runs tools/check_layers on small trees."""

import pathlib
import subprocess
import tempfile
import unittest

CHECK = pathlib.Path(__file__).parents[2] / "tools" / "check_layers"


def check(files):
    """The exit code and the output for a tree of the given files."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            path = pathlib.Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        run = subprocess.run([CHECK, folder], capture_output=True, text=True, check=False)
        return run.returncode, run.stdout


class CheckLayers(unittest.TestCase):
    def assert_refused(self, files, sentence):
        code, output = check(files)
        self.assertEqual(code, 1)
        self.assertIn(sentence, output)

    def test_accepts_what_stands_below(self):
        text = "#include <sys/mman.h>\n#include <vector>\n#include <fmt/format.h>\n#include <troupe/base/result.hpp>\n"
        self.assertEqual(check({"actors/actor.hpp": text})[0], 0)

    def test_accepts_a_folders_own_private_headers(self):
        self.assertEqual(check({"actors/actor.cpp": "#include <troupe/actors/detail/cell.hpp>\n"})[0], 0)

    def test_refuses_what_stands_above_with_file_and_line(self):
        files = {"actors/actor.cpp": "\n#include <troupe/exchange/exchange.hpp>\n"}
        self.assert_refused(files, "actors/actor.cpp:2: actors/ must not include exchange/")

    def test_refuses_a_relative_path_upwards(self):
        self.assert_refused({"base/a.hpp": '#include "../scheduler/task.hpp"\n'}, "base/ must not include scheduler/")

    def test_refuses_private_headers_of_others(self):
        self.assert_refused({"actors/a.cpp": "#include <troupe/base/detail/b.hpp>\n"}, "private to base/")

    def test_refuses_the_umbrella_header(self):
        self.assert_refused({"pipeline/a.cpp": "#include <troupe/troupe.hpp>\n"}, "includes everything")

    def test_refuses_libraries_in_headers_of_the_core_only(self):
        text = "#include <yaml-cpp/yaml.h>\n"
        self.assert_refused({"exchange/a.hpp": text}, "a header of the core must not include <yaml-cpp/yaml.h>")
        self.assertEqual(check({"pipeline/a.hpp": text})[0], 0)

    def test_keeps_caf_in_remote(self):
        self.assert_refused({"cli/a.cpp": "#include <caf/all.hpp>\n"}, "only remote/ may include CAF")
        self.assertEqual(check({"remote/a.cpp": "#include <caf/all.hpp>\n"})[0], 0)

    def test_refuses_fences(self):
        self.assert_refused({"base/a.cpp": "std::atomic_thread_fence(seq_cst);\n"}, "fences")

    def test_refuses_long_files(self):
        for folder in ("base", "tests/base", "bench", "samples/a"):
            self.assert_refused({f"{folder}/a.cpp": "\n" * 701}, f"{folder}/a.cpp:701: longer than 700 lines")

    def test_lets_tests_include_what_they_test(self):
        self.assertEqual(check({"tests/base/a.cpp": "#include <troupe/base/detail/b.hpp>\n"})[0], 0)

    def test_refuses_a_tree_without_sources(self):
        self.assert_refused({}, "no sources found")


if __name__ == "__main__":
    unittest.main()
