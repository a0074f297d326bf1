"""Parses every source of a build folder by itself, without making code of it.

    python3 scripts/check_sources.py build/gcc --jobs 2

The compiler is stopped at the end of each source. What it would do there, instantiating what LibTorch's headers left pending, takes 95 %
of its time and says nothing about the source; the other compiler's build does it. Ends with 1 when one is refused, after all were tried.
"""
import argparse
import concurrent.futures
import json
import pathlib
import shlex
import subprocess
import sys


END = "end of the source"


def parsing(entry, folder):
    """The command of a compile_commands.json entry that only parses, or None for a source that the build wrote."""
    if pathlib.Path(entry["file"]).is_relative_to(folder) or not entry["file"].endswith(".cpp"):
        return None
    words = shlex.split(entry["command"])
    compiler = next(i for i, word in enumerate(words) if word.endswith("++"))  # a launcher may stand before it
    words = words[compiler:]
    output = words.index("-o")
    del words[output : output + 2]
    return words + ["-fsyntax-only"]


def until_end(command, source):
    """The same, of a text from standard input that includes the source and then has an error, at which the compiler stops."""
    place = command.index(source)
    words = command[: place - 1] + command[place + 1 :]  # without "-c SOURCE"
    return words + ["-Wfatal-errors", "-x", "c++", "-"], f'#include "{source}"\nstatic_assert(false, "{END}");\n'


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    folder = options.folder.resolve()
    entries = json.loads((folder / "compile_commands.json").read_text())
    commands = {entry["file"]: command for entry in entries if (command := parsing(entry, folder))}

    def run(item):
        source, command = item
        words, text = until_end(command, source)
        first = subprocess.run(words, cwd=folder, input=text, capture_output=True, text=True)
        if END in first.stderr:
            return True
        # For all that it has to say; and some warnings are about included files alone.
        whole = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        if whole.returncode:
            print(f"{source}:\n{whole.stderr}", file=sys.stderr)
        return whole.returncode == 0

    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        passed = sum(pool.map(run, commands.items()))
    print(f"{passed} of {len(commands)} sources pass {pathlib.Path(next(iter(commands.values()))[0]).name}", file=sys.stderr)
    return passed != len(commands)


if __name__ == "__main__":
    sys.exit(main())
