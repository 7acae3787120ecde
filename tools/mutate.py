#!/usr/bin/env python3
"""Breaks CUDA kernels, one line at a time, and tells which mutants no test notices.

usage: mutate.py [--build DIR] [--count N] [--seed S] [--only SOURCE] [--tests FILTER] [--list] FILE...

FILE is a kernel source such as cuda/kernels/columns.cuh. Each mutant changes one token or drops one
statement; the sources that include the file are compiled with it, linked with the rest of the
cuda_test of DIR (default: build), and the emulated tests are run. A mutant is noticed if a test
fails, crashes or does not end. Mutants that do not compile are not counted. N limits how many are
drawn from each file. --only compiles a mutant into that one of the sources, and --tests runs those tests: faster,
and it can only notice fewer. Nothing in the checkout is changed.
"""
import argparse
import json
import os
import pathlib
import random
import re
import resource
import shlex
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
SECONDS = 120  # of processor time for one run of the tests; of waiting on a busy machine, ten times that

# What is replaced by what. Spaces keep templates, pointers and references out.
SWAPS = [
    (r" < ", " <= "), (r" <= ", " < "), (r" > ", " >= "), (r" >= ", " > "),
    (r" == ", " != "), (r" != ", " == "), (r" && ", " || "), (r" \|\| ", " && "),
    (r" \+ ", " - "), (r" - ", " + "), (r" \* ", " + "), (r" / ", " * "), (r" % ", " / "),
    (r" \+= ", " -= "), (r" -= ", " += "), (r" \^ ", " | "), (r" & ", " | "),
    (r" >> ", " << "), (r" << ", " >> "),
    (r"\b0\b", "1"), (r"\b1\b", "2"), (r"\b2\b", "3"), (r"\btrue\b", "false"), (r"\bfalse\b", "true"),
]
STATEMENT = re.compile(r"^\s*(?!return|using|const|constexpr|static|template|else|auto|struct|case|break"
                       r"|extern|typename|#)[^{}]*;\s*(//.*)?$")
DECLARATION = re.compile(r"^\s*(using|#|//|template|struct|namespace|static_assert|require)|launch\(|^\s*\w[\w:<>,]*\*? \w+( = [^;]*)?;")
HEADER = re.compile(r"^\s*(#|//|template|struct|namespace|using|static_assert|constexpr)|__global__|__launch_bounds__")


def mutants(lines):
    """All mutants as (line number, new line)."""
    for number, line in enumerate(lines):
        if not line.strip() or HEADER.search(line):
            continue
        code, comment = (line.split("//", 1) + [""])[:2]
        for pattern, replacement in SWAPS:
            for match in re.finditer(pattern, code):
                yield number, code[:match.start()] + replacement + code[match.end():]
        complete = number == 0 or re.search(r"[;{}:)]\s*(//.*)?$", lines[number - 1])
        if STATEMENT.match(line) and complete and not DECLARATION.match(line):
            yield number, re.match(r"\s*", line).group() + ";"


def limit_time():
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))


class Build:
    """How cuda_test is compiled and linked in a build folder."""

    def __init__(self, folder, only, tests):
        self.folder, self.only, self.tests = folder, only, tests
        entries = json.loads((folder / "compile_commands.json").read_text())
        self.commands = {e["file"]: e["command"] for e in entries
                         if "/hush_cuda_emulated.dir/" in e["command"]}
        lines = subprocess.run(["ninja", "-C", folder, "-t", "commands", "cuda_test"], check=True,
                               capture_output=True, text=True).stdout.splitlines()
        self.link = next(step for line in lines for step in line.split(" && ") if "-o tests/cuda/cuda_test " in step)
        deps = subprocess.run(["ninja", "-C", folder, "-t", "deps"], check=True, capture_output=True, text=True).stdout
        self.includers = {}
        for block in deps.split("\n\n"):
            # ccache may make them relative to the build folder.
            paths = {os.path.normpath(folder / line.strip()) for line in block.splitlines()[1:]}
            for source in paths & self.commands.keys():
                self.includers[source] = paths

    def sources_of(self, path):
        sources = [s for s, included in self.includers.items() if str(path) in included and s.endswith(self.only)]
        if not sources:
            sys.exit(f"mutate: nothing in {self.folder} was built with {path.relative_to(ROOT)}: build cuda_test")
        return sources

    def passes(self, path, text, scratch):
        """None if the mutant does not compile, else whether all tests pass."""
        mutated = scratch / path.relative_to(ROOT)
        mutated.parent.mkdir(parents=True, exist_ok=True)
        mutated.write_text(text)
        objects = []
        for index, source in enumerate(self.sources_of(path)):
            objects.append(str(scratch / f"{index}.o"))
            command = shlex.split(self.commands[source])
            command[command.index("-o") + 1] = objects[-1]
            options = [f"-I{scratch}", "-O1", "-w", "-Wno-error"]
            place = next(i for i, word in enumerate(command) if word.startswith("-I"))
            command = command[:place] + options[:1] + command[place:] + options[1:]
            command = [w for w in command if w != "-Werror"]
            if subprocess.run(command, cwd=self.folder, capture_output=True).returncode != 0:
                return None
        binary = str(scratch / "test")
        link = shlex.split(self.link)
        link[link.index("-o") + 1] = binary
        # Before the library, so that its members of the same symbols stay out.
        place = next(i for i, word in enumerate(link) if word.endswith("libhush_cuda_emulated.a"))
        subprocess.run(link[:place] + objects + link[place:], cwd=self.folder, check=True, capture_output=True)
        try:
            run = subprocess.run([binary, "--gtest_fail_fast", "--gtest_brief=1", f"--gtest_filter={self.tests}-Emulator.*"],
                                 cwd=ROOT, capture_output=True, timeout=10 * SECONDS, preexec_fn=limit_time)
        except subprocess.TimeoutExpired:
            return False
        return run.returncode == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=pathlib.Path)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    parser.add_argument("--count", type=int, default=0, help="mutants per file; 0: all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="the end of a source's name, such as products_bf16.cu")
    parser.add_argument("--tests", default="*", help="as --gtest_filter")
    parser.add_argument("--list", action="store_true", help="only list the mutants")
    options = parser.parse_args()
    build = None if options.list else Build(options.build.resolve(), options.only, options.tests)
    noticed = made = 0
    for path in [f.resolve() for f in options.files]:
        lines = path.read_text().splitlines()
        drawn = list(mutants(lines))
        if options.count and options.count < len(drawn):
            drawn = sorted(random.Random(options.seed).sample(drawn, options.count))
        for number, line in drawn:
            where = f"{path.relative_to(ROOT)}:{number + 1}: {lines[number].strip()}  =>  {line.strip()}"
            if options.list:
                print(where)
                continue
            with tempfile.TemporaryDirectory() as scratch:
                text = "\n".join(lines[:number] + [line] + lines[number + 1:]) + "\n"
                passed = build.passes(path, text, pathlib.Path(scratch))
            if passed is None:
                continue
            made += 1
            noticed += not passed
            print(f"{'SURVIVED' if passed else 'noticed '} {where}", flush=True)
    if not options.list:
        print(f"{noticed} of {made} mutants noticed")
        sys.exit(noticed != made)


if __name__ == "__main__":
    main()
