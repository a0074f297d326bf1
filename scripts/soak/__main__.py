"""Hard use: each check runs the real binary against what it must survive, and prints its figure.

    scripts/soak.sh [--count N] [--seed N] [--binary FILE] NAME ...
    scripts/soak.sh --list
"""

import argparse
import pathlib
import random
import sys
import tempfile
import time

from . import files, runs
from .program import SOURCE, Arzoo

# Name: what is done, how often.
CHECKS = {
    "safetensors": (files.safetensors_files, 2000),
    "pickle": (files.pickle_files, 1000),
    "code": (files.pickles_with_code, 30),
    "header": (files.header_attacks, 40),
    "csv": (files.csv_files, 500),
    "formula": (files.formulas, 100),
    "config": (files.configs, 300),
    "kill": (runs.kills, 50),
    "signal": (runs.signals, 20),
    "disk": (runs.full_disks, 10),
    "damage": (runs.damaged, 200),
    "determinism": (runs.determinism, 5),
    "nan": (runs.not_finite, 5),
    "lock": (runs.locks, 10),
    "memory": (runs.memory, 10_000),
    "shards": (runs.shards, 1_000_000),
}


def main():
    parser = argparse.ArgumentParser(prog="scripts/soak.sh", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="which checks; all of them when none is named")
    parser.add_argument("--list", action="store_true", help="name the checks and what they are about")
    parser.add_argument("--count", type=int, help="how often, instead of the check's own number")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--binary", type=pathlib.Path, default=SOURCE / "build/release/arzoo")
    arguments = parser.parse_args()
    if arguments.list:
        for name, (check, count) in CHECKS.items():
            print(f"{name:12} {count:6}  {check.__doc__.splitlines()[0]}")
        return 0
    unknown = set(arguments.names) - set(CHECKS)
    if unknown:
        parser.error(f"no check is called {', '.join(sorted(unknown))} (known: {', '.join(CHECKS)})")
    failed = 0
    for name in arguments.names or CHECKS:
        check, count = CHECKS[name]
        begin = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="arzoo-soak-") as work:
            try:
                figure = check(Arzoo(arguments.binary.resolve()), pathlib.Path(work), arguments.count or count, random.Random(arguments.seed))
            except AssertionError as error:
                figure, failed = f"FAILED: {error}", failed + 1
        print(f"{name}: {figure} ({time.monotonic() - begin:.0f} s)", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
