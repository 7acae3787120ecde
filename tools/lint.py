#!/usr/bin/env python3
"""clang-tidy over every source of the project, or over those that changed since a revision.

usage: lint.py [--jobs N] [--since REVISION] [FOLDER ...]

Most of clang-tidy's time goes into headers, which it checks again for every source. So sources of
one folder that are compiled with the same flags are read together, as one file that includes up to
eight of them. Names that such a file would define twice split it in halves. Commands come from a
clang build that is configured and never built: g++'s precompiled headers mean nothing to clang.
"""
import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import threading

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build-lint"
FOLDERS = ["core", "cuda", "nn", "data", "mpc", "apps"]
AT_ONCE = 8


def tool(name):
    found = shutil.which(f"{name}-14") or shutil.which(name)
    if not found:
        sys.exit(f"lint: {name} is missing: run tools/setup.sh --ci")
    return found


def configure(clang):
    subprocess.run(["cmake", "-S", ROOT, "-B", BUILD, "-G", "Ninja", f"-DCMAKE_CXX_COMPILER={clang}",
                    "-DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON", "-DHUSH_CUDA=OFF"],
                   check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", BUILD, "--target", "hush_revision"], check=True, stdout=subprocess.DEVNULL)
    return {entry["file"]: entry["command"] for entry in json.loads((BUILD / "compile_commands.json").read_text())}


def flags_of(command):
    """What a compile command says of language, macros and paths."""
    words = shlex.split(command)[1:]
    out = words.index("-o")
    del words[out:out + 2]
    return tuple(word for word in words if word != "-c" and not word.endswith(".cpp"))


def sources(since, folders):
    patterns = [f"{folder}/*.cpp" for folder in folders]
    command = ["git", "diff", "--name-only", "--diff-filter=d", since, "--"] if since else ["git", "ls-files"]
    listed = subprocess.run(command + patterns, cwd=ROOT, check=True, capture_output=True, text=True)
    return [ROOT / name for name in listed.stdout.split()]


def reads_alone(path):
    """Highway reads its own source once per instruction set; two `main`s cannot be in one file."""
    text = path.read_text()
    return "HWY_TARGET_INCLUDE" in text or "int main(" in text


def groups(paths, commands):
    alike = collections.defaultdict(list)
    for path in paths:
        if str(path) not in commands and path.is_relative_to(ROOT / "cuda"):
            print(f"lint: {path.relative_to(ROOT)} is left out: it needs the CUDA toolkit")
            continue
        if str(path) not in commands:
            sys.exit(f"lint: {path.relative_to(ROOT)} is in no target; add it to a CMakeLists.txt, or remove it")
        key = (path.parent, flags_of(commands[str(path)]), path if reads_alone(path) else None)
        alike[key].append(path)
    for (_, flags, _), members in alike.items():
        for first in range(0, len(members), AT_ONCE):
            yield members[first:first + AT_ONCE], flags


class Linter:
    def __init__(self, clang, tidy, total):
        self.clang, self.tidy, self.total = clang, tidy, total
        self.done, self.clean, self.lock = 0, True, threading.Lock()

    def run(self, members, flags):
        """Checks members together, or in halves if one file cannot hold them all."""
        name = str(members[0].relative_to(ROOT)).replace("/", "_")
        together = BUILD / "together" / f"{len(members)}_{name}"
        together.parent.mkdir(exist_ok=True)
        together.write_text("".join(f'#include "{path}"\n' for path in members))
        if len(members) > 1:
            parsed = subprocess.run([self.clang, *flags, "-fsyntax-only", together], cwd=BUILD, capture_output=True)
            if parsed.returncode != 0:
                half = len(members) // 2
                self.run(members[:half], flags)
                self.run(members[half:], flags)
                return
        checked = subprocess.run([self.tidy, "--quiet", f"--config-file={ROOT / '.clang-tidy'}",
                                  "--checks=-bugprone-suspicious-include",  # the files that this script makes
                                  f"--header-filter=/({'|'.join(FOLDERS)})/[^.]*\\.(h|cpp)$",
                                  str(together), "--", *flags],
                                 cwd=BUILD, capture_output=True, text=True)
        self.report(members, checked)

    def report(self, members, checked):
        with self.lock:
            self.done += len(members)
            if checked.returncode != 0:
                self.clean = False
                print(checked.stdout.strip() or checked.stderr.strip())
            end = "\r" if sys.stdout.isatty() else "\n"
            if sys.stdout.isatty() or self.done == self.total or checked.returncode != 0:
                print(f"lint: {self.done} of {self.total} sources", end=end, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--since", metavar="REVISION", help="only sources that changed since then")
    parser.add_argument("folders", nargs="*", default=FOLDERS, help="only sources below these")
    options = parser.parse_args()
    clang, tidy = tool("clang++"), tool("clang-tidy")
    paths = sources(options.since, options.folders)
    work = list(groups(paths, configure(clang)))
    linter = Linter(clang, tidy, len(paths))
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for finished in [pool.submit(linter.run, *group) for group in work]:
            finished.result()
    if not linter.clean:
        sys.exit("lint: clang-tidy objects to the above")
    print(f"lint: {len(paths)} sources are clean")


if __name__ == "__main__":
    main()
