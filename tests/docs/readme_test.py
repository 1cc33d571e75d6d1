#!/usr/bin/env python3
"""Compiles what the pages show, with the flags and libraries of the build that TROUPE_COMMAND stands in.

A ```cpp block with a `main` is a program: it is compiled, linked and run, and prints what its `// prints ...` comments
say. All other ```cpp blocks of a page are compiled together, in their order. A ```yaml block with exchanges is a
pipeline file, which `troupe check` accepts. Links to files of the tree lead somewhere.
"""

import os
import pathlib
import re
import shlex
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
COMMAND = pathlib.Path(os.environ["TROUPE_COMMAND"]).resolve()
BUILD = COMMAND.parent
# A program of the tree whose compile and link commands serve for those of the pages.
MODEL = "samples/hello_actor"
MODEL_SOURCE = ROOT / MODEL / "hello_actor.cpp"

PAGES = sorted(page for pattern in ("*.md", "docs/**/*.md", "*/README.md") for page in ROOT.glob(pattern))
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:)([^)#\s]+)[^)]*\)|^\[[^\]]+\]: (?!https?:)([^#\s]+)", re.MULTILINE)
# What stands outside of functions begins like this, comments left out.
DECLARATION = re.compile(r"\s*(//[^\n]*\n\s*)*(#include|using|namespace|struct|class|template|troupe::task<\w*> \w+\()")


def blocks(page, language):
    return [text for name, text in FENCE.findall(page.read_text()) if name == language]


def model_commands():
    """The compile command and the link command of the model, without what they write."""
    lines = subprocess.run(["ninja", "-C", BUILD, "-t", "commands", MODEL], capture_output=True, text=True, check=True)
    commands = [shlex.split(line) for line in lines.stdout.splitlines()]
    compiled = next(c for c in commands if str(MODEL_SOURCE) in c and "-c" in c)
    linked = next(c for c in commands if MODEL in c)
    compiled = [word for word in compiled if word not in ("-MD", "-c", str(MODEL_SOURCE))]
    for option in ("-MT", "-MF", "-o"):
        if option in compiled:
            at = compiled.index(option)
            del compiled[at : at + 2]
    linked = [word for word in linked if word not in (":", "&&")]
    at = linked.index("-o")
    del linked[at : at + 2]
    return compiled, [word for word in linked if not word.endswith("hello_actor.cpp.o")]


def together(parts):
    """One source of all parts of a page; a part in a function sees those before it, and may use their names anew."""
    outside = [part for part in parts if DECLARATION.match(part)]
    inside = [part for part in parts if not DECLARATION.match(part)]
    text = "#include <cstdio>\n#include <troupe/troupe.hpp>\nusing namespace std::literals;\n" + "\n".join(outside) + "\ntroupe::task<> page() {\n"
    for part in inside:
        text += "{\n" + part
    return text + "co_return;\n" + "}" * len(inside) + "\n}\n"


class Pages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.compile_command, cls.link_command = model_commands()
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)

    def run_quietly(self, command, where):
        run = subprocess.run(command, cwd=BUILD, capture_output=True, text=True, timeout=500, check=False)
        self.assertEqual(run.returncode, 0, f"{where}\n{run.stdout}{run.stderr}")
        return run.stdout

    def write(self, name, text):
        path = pathlib.Path(self.folder.name, name)
        path.write_text(text)
        return str(path)

    def test_programs_compile_and_print_what_they_say(self):
        found = 0
        for page in PAGES:
            for text in blocks(page, "cpp"):
                if "int main(" not in text:
                    continue
                found += 1
                source = self.write("program.cpp", text)
                object_file, program = source[:-3] + "o", source[:-4]
                self.run_quietly([*self.compile_command, "-c", source, "-o", object_file], page)
                self.run_quietly([self.link_command[0], object_file, *self.link_command[1:], "-o", program], page)
                printed = self.run_quietly([program], page).splitlines()
                self.assertEqual(printed, re.findall(r"// prints (.*)", text), page)
        self.assertGreater(found, 0)

    def test_all_other_code_compiles(self):
        found = 0
        for page in PAGES:
            parts = [text for text in blocks(page, "cpp") if "int main(" not in text]
            if not parts:
                continue
            found += 1
            source = self.write("parts.cpp", together(parts))
            unused = ["-Wno-shadow", "-Wno-unused", "-Wno-unused-but-set-variable"]
            self.run_quietly([*self.compile_command, *unused, "-fsyntax-only", source], page)
        self.assertGreater(found, 0)

    def test_pipelines_are_valid(self):
        found = 0
        for page in PAGES:
            for text in blocks(page, "yaml"):
                if not re.search(r"^exchanges:", text, re.MULTILINE):
                    continue
                found += 1
                self.run_quietly([COMMAND, "check", self.write("pipeline.yaml", text)], page)
        self.assertGreater(found, 0)

    def test_links_lead_somewhere(self):
        found = 0
        for page in PAGES:
            for match in LINK.findall(FENCE.sub("", page.read_text())):
                found += 1
                target = next(filter(None, match))
                self.assertTrue((page.parent / target).exists(), f"{page}: {target}")
        self.assertGreater(found, 0)


if __name__ == "__main__":
    unittest.main()
