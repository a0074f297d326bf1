"""The program under test, as a user runs it."""

import os
import pathlib
import subprocess
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

SOURCE = pathlib.Path(__file__).resolve().parents[2]


@dataclass
class Ended:
    """How a call ended; code is negative after a signal, as in subprocess."""

    code: int
    out: str
    err: str
    seconds: float
    peak_mib: float


class Arzoo:
    """Calls the binary, always on one thread and without colours."""

    def __init__(self, binary):
        self.binary = str(binary)
        self.environment = {**os.environ, "ARZOO_COLOR": "never", "ASAN_OPTIONS": "detect_leaks=0"}

    def start(self, *words, **options):
        return subprocess.Popen([self.binary, *map(str, words)], env=self.environment, **options)

    def __call__(self, *words, limit=300, **options):
        begin = time.monotonic()
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            process = self.start(*words, stdin=subprocess.DEVNULL, stdout=out, stderr=err, **options)
            timer = threading.Timer(limit, process.kill)
            timer.start()
            _, status, usage = os.wait4(process.pid, 0)
            timer.cancel()
            process.returncode = os.waitstatus_to_exitcode(status)
            texts = []
            for file in (out, err):
                file.seek(0)
                texts.append(file.read().decode(errors="replace"))
        return Ended(process.returncode, *texts, time.monotonic() - begin, usage.ru_maxrss / 1024)

    def refused(self, ended, *codes):
        """Fails unless the call ended with one of the codes and said why in one line."""
        assert ended.code in codes, f"exit {ended.code}, expected {codes}: {ended.err[-2000:]}"
        assert ended.code == 0 or len(ended.err.strip().splitlines()) >= 1, "no message"
        return ended


def in_parallel(work, items, workers=2):
    """work(item) of each; the first failure is raised."""
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(work, items))


def mutated(data, random, most=3):
    """Bytes with a few changes: a bit, a byte, a piece cut, doubled, or put in."""
    data = bytearray(data)
    for _ in range(random.randint(1, most)):
        at = random.randrange(len(data)) if data else 0
        kind = random.randrange(6)
        if not data or kind == 0:
            data[at:at] = random.randbytes(random.randint(1, 9))
        elif kind == 1:
            data[at] ^= 1 << random.randrange(8)
        elif kind == 2:
            data[at] = random.randrange(256)
        elif kind == 3:
            del data[at:]
        elif kind == 4:
            del data[at : at + random.randint(1, 16)]
        else:
            piece = data[at : at + random.randint(1, 64)]
            data[at:at] = piece
    return bytes(data)


def tiny_config(name):
    return SOURCE / "configs" / f"{name}_tiny.json"


def all_models():
    """family/model of everything that has a tiny config."""
    return sorted(str(path.relative_to(SOURCE / "configs"))[: -len("_tiny.json")] for path in SOURCE.glob("configs/*/*_tiny.json"))


def contents(folder):
    """Every file below, by its relative name."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
