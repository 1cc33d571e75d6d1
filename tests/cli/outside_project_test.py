#!/usr/bin/env python3
"""Builds the project that the manual shows against an installed Troupe, as its reader would, and runs its pipeline."""

import os
import pathlib
import re
import subprocess
import tempfile
import unittest

MANUAL = pathlib.Path(__file__).resolve().parents[2] / "docs/manual.md"
BUILD = pathlib.Path(os.environ["TROUPE_COMMAND"]).resolve().parent
CACHE = (BUILD / "CMakeCache.txt").read_text()
BLOCKS = re.findall(r"^```(\S+)\n(.*?)^```$", MANUAL.read_text(), re.MULTILINE | re.DOTALL)


def block(language, text):
    """The one block of the manual in this language that has this text."""
    (found,) = [b for name, b in BLOCKS if name == language and text in b]
    return found


def cached(name):
    return re.search(rf"^{name}:\w+=(.*)$", CACHE, re.MULTILINE).group(1)


@unittest.skipIf(cached("TROUPE_SANITIZE"), "a sanitizer wants all code to be compiled with it")
class OutsideProject(unittest.TestCase):
    def test_is_built_with_the_installed_package_and_runs(self):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            makefile = block("cmake", "add_executable(indent")
            (folder / "CMakeLists.txt").write_text(makefile)
            (folder / "main.cpp").write_text(block("cpp", "void register_all") + block("c++", "int main"))
            (folder / "pipeline.yaml").write_text(block("yml", "class: indent"))
            compiler = cached("CMAKE_CXX_COMPILER")
            for command in (
                ["cmake", "--install", BUILD, "--prefix", folder / "installed"],
                ["cmake", "-S.", "-Bbuild", f"-DCMAKE_PREFIX_PATH={folder}/installed", f"-DCMAKE_CXX_COMPILER={compiler}"],
                ["cmake", "--build", "build"],
                ["build/indent", "run", "pipeline.yaml"],
            ):
                run = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=500, check=False)
                self.assertEqual(run.returncode, 0, f"{command}\n{run.stdout}{run.stderr}")
            self.assertEqual(run.stdout, "".join(f"    {line}\n" for line in makefile.splitlines()))
            self.assertEqual(run.stderr, "")


if __name__ == "__main__":
    unittest.main()
