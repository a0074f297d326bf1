"""Every model on a device beside the CPU: the official fixtures, two steps of training, and what its command makes of them.

    python3 scripts/check_device.py [--device cuda] [--binary build/release/arzoo] [--workers 4]

Needs the package pillow. Prints one line per check with the largest relative difference; exit code 1 when one fails or differs by more than --tolerance."""

import argparse
import csv
import json
import pathlib
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from statistics import fmean

from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parents[1]
RECORDING = ROOT / "data/speech/recorded_digits.wav"
EVENTS = ROOT / "data/events/glibc_2003_2008.csv.gz"
# What is called beside --model RUN, and with --output where the command writes files.
PRODUCTS = {
    "forecast": ["forecast", "--horizon", "4"],
    "generate-image": ["generate-image", "--class", "2,7"],
    "generate-3d": ["generate-3d", "--class", "0,1", "--resolution", "24"],
    "generate-text": ["generate-text", "--prompt", "In the beginning", "--max-tokens", "8", "--temperature", "0"],
    "embed-text": ["embed-text", "--input", ROOT / "data/README.md"],
    "transcribe": ["transcribe", RECORDING],
    "links": ["links", "--input", EVENTS, "--src", "author 0", "--top", "5"],
}
WRITES = {"forecast": "forecast.csv", "generate-image": "made", "generate-3d": "made", "embed-text": "vectors.jsonl"}


class Failed(Exception):
    """A call that ended with another exit code than 0; out: what it printed."""

    def __init__(self, message, out):
        super().__init__(message)
        self.out = out


class Device:
    """Calls the binary with everything on one device."""

    def __init__(self, binary, name, dtype):
        self.binary, self.name, self.dtype = binary, name, dtype

    def json(self, *words):
        call = [self.binary, *words, "--device", self.name, "--dtype", self.dtype, "--threads", "1", "--quiet", "--json"]
        ended = subprocess.run(list(map(str, call)), cwd=ROOT, capture_output=True, text=True)
        if ended.returncode != 0:
            raise Failed(f"{' '.join(map(str, words))}: exit {ended.returncode}: {ended.stderr[-1500:].strip()}", ended.stdout)
        return json.loads(ended.stdout)


# Of a machine rather than of the result.
TIMES = {"seconds", "compute_seconds", "rtf", "tokens_per_second", "file", "model", "device"}


def numbers_in(value):
    """All numbers of a result, a text's characters among them, without times and names of files."""
    if isinstance(value, dict):
        return [number for key in sorted(value.keys() - TIMES) for number in numbers_in(value[key])]
    if isinstance(value, list):
        return [number for part in value for number in numbers_in(part)]
    if isinstance(value, str):
        return [float(ord(letter)) for letter in value]
    return [float(value or 0)]


def largest_difference(one, other):
    """Of two lists of numbers, beside their largest magnitude; infinity when they do not match."""
    if len(one) != len(other) or not one:
        return float("inf")
    scale = max(map(abs, one)) or 1.0
    return max(abs(a - b) for a, b in zip(one, other)) / scale


def trained(device, config, folder):
    command = "distill" if config.parent.name == "distill" else "train"
    result = device.json(command, config, "--set", "training.max_steps=2", "--set", f"output={folder}")
    return numbers_in(result["best"]["val"]) + numbers_in(result["test"])


def product(device, command, config, run, folder):
    """What a command makes of a run, as numbers: forecasts, means of pictures, volumes."""
    folder.mkdir()
    output = folder / WRITES.get(command, "made")
    words = [*PRODUCTS[command], "--model", run]
    drawn = sorted((folder.parent / "device-generate-image" / "made").glob("0*.png"))
    if command == "generate-text" and drawn:  # a model of pictures describes one that it drew
        words = ["generate-text", "--image", drawn[0], "--model", run]
    if command in WRITES:
        words += ["--output", output]
    if command == "forecast":
        words += ["--input", (config.parent / json.loads(config.read_text())["data"]["path"]).resolve()]
    result = device.json(*words)
    if command == "forecast":
        with open(output, newline="") as file:
            return [float(row["yhat"]) for row in csv.DictReader(file)]
    if command not in WRITES:
        return numbers_in(result)
    if command == "embed-text":
        return [number for line in output.read_text().splitlines() for number in numbers_in(json.loads(line))]
    if command == "generate-3d":
        return [mesh["volume"] for mesh in result["meshes"]] + [result["empty"]]
    # The mean of each picture's pixels: single ones may round to the next level.
    return [fmean(Image.open(file).tobytes()) for file in result["files"]]


def check(device, cpu, config, commands):
    """Yields (what, difference or message) of one config."""
    name = f"{config.parent.name}/{config.stem}"
    with tempfile.TemporaryDirectory(prefix="arzoo-device-") as work:
        work = pathlib.Path(work)
        try:
            ours = trained(device, config, work / "device")
            yield f"{name} train", largest_difference(trained(cpu, config, work / "cpu"), ours)
        except Failed as error:
            yield f"{name} train", str(error)
            return
        for command in commands:
            # An AutoBrep of two steps draws no solid.
            if command not in PRODUCTS or "autobrep" in config.stem:
                continue
            try:
                ours = product(device, command, config, work / "device", work / f"device-{command}")
                theirs = product(cpu, command, config, work / "device", work / f"cpu-{command}")
                yield f"{name} {command}", largest_difference(theirs, ours)
            except Failed as error:
                yield f"{name} {command}", str(error)


def parity(device):
    for fixtures in sorted({case.parents[1] for case in (ROOT / "tests/fixtures").glob("*/*/case.json")}):
        try:
            device.json("bench", "parity", fixtures)
            yield f"parity {fixtures.name}", 0.0
        except Failed as error:
            yield f"parity {fixtures.name}", "; ".join(what_failed(error))


def what_failed(error):
    """The cases of a replay that failed, and the first outputs of each."""
    try:
        cases = json.loads(error.out)["cases"]
    except ValueError:
        return [str(error)]
    for case in cases:
        wrong = [f"{row['name']} {row.get('worst', '')}" for row in case.get("outputs", []) if not row["passed"]]
        if not case["passed"]:
            yield f"{case['case']}: " + ", ".join(filter(None, [case.get("error"), *wrong[:4]]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--dtype", default="fp32")
    parser.add_argument("--binary", type=pathlib.Path, default=ROOT / "build/release/arzoo")
    parser.add_argument("--workers", type=int, default=4, help="models checked at a time")
    parser.add_argument("--tolerance", type=float, default=1e-3)
    arguments = parser.parse_args()
    binary = arguments.binary.resolve()
    device, cpu = Device(binary, arguments.device, arguments.dtype), Device(binary, "cpu", "fp32")
    commands = {model["name"]: model["commands"] for model in cpu.json("models")["models"]}
    configs = sorted((ROOT / "configs").glob("*/*_tiny.json"))
    jobs = [lambda c=c: list(check(device, cpu, c, commands[json.loads(c.read_text())["model"]["name"]])) for c in configs]
    if arguments.dtype == "fp32":
        jobs.append(lambda: list(parity(device)))
    failed = 0
    with ThreadPoolExecutor(arguments.workers) as pool:
        for results in pool.map(lambda job: job(), jobs):
            for what, found in results:
                good = not isinstance(found, str) and found <= arguments.tolerance
                failed += not good
                print(f"{'pass' if good else 'FAIL'}  {what:44} {found if isinstance(found, str) else f'{found:.2e}'}", flush=True)
    print(f"{failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
