"""Runs that are killed, interrupted, starved of disk, or told twice."""

import contextlib
import json
import resource
import shutil
import signal
import subprocess
import time

from .files import long_file, trained
from .program import SOURCE, all_models, contents, in_parallel, tiny_config

LONG = ["--threads", "1", "--quiet", "--set", "training.epochs=40", "--set", "training.max_steps=400", "--set", "training.patience=0"]


def training(run, *words, save_every=1):
    return ["train", tiny_config("forecast/itransformer"), "--out", run, *LONG, "--set", f"training.save_every={save_every}", *words]


def essence(run):
    """What a run is: its log, its best model and its state."""
    files = {"metrics.jsonl": (run / "metrics.jsonl").read_bytes()}
    for part in ("model", "last"):
        files |= {f"{part}/{name}": data for name, data in contents(run / part).items()}
    return files


def half_written(run):
    return next(run.glob(".arzoo-*"), None) if run.is_dir() else None


def resume_word(run):
    return ["--resume"] if (run / "last/training.json").exists() else []


def start_over(run):
    """A run that was stopped before its first checkpoint begins anew."""
    if not (run / "last/training.json").exists():
        shutil.rmtree(run, ignore_errors=True)


def undisturbed(arzoo, work):
    run = work / "undisturbed"
    ended = arzoo(*training(run, save_every=0))
    assert ended.code == 0, ended.err
    return essence(run)


def finished(arzoo, run, expected):
    start_over(run)
    ended = arzoo(*training(run, *resume_word(run)))
    assert ended.code == 0, ended.err
    assert essence(run) == expected, "the resumed run differs from the undisturbed one"


def kills(arzoo, work, count, random):
    """kill -9 at any moment, a third of them while a checkpoint is being written."""
    expected, run, within, number = undisturbed(arzoo, work), work / "killed", 0, 0
    while number < count:
        start_over(run)
        process = arzoo.start(*training(run, *resume_word(run)), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        # As soon as it trains, or some time later; two of five wait for a half-written checkpoint.
        waits_for_save, deadline = number % 5 < 2, time.monotonic() + 0.3 + random.random() * 0.8
        while process.poll() is None:
            if waits_for_save and half_written(run) or not waits_for_save and time.monotonic() > deadline:
                break
            time.sleep(0.0005)
        if process.poll() is not None:
            shutil.rmtree(run)  # it came to its end before: another run
            continue
        process.kill()
        process.wait()
        within += half_written(run) is not None
        number += 1
    finished(arzoo, run, expected)
    assert within >= 0.3 * count, f"only {within} kills met a half-written checkpoint"
    return f"{count} kills, {within} of them within a save; every checkpoint loaded, the end is that of an undisturbed run byte for byte"


def signals(arzoo, work, count, random):
    """SIGINT and SIGTERM: the step is finished, the state saved; a second one ends the process at once."""
    expected, run, slowest, number = undisturbed(arzoo, work), work / "stopped", 0.0, 0
    while number < count:
        start_over(run)
        process = arzoo.start(*training(run, *resume_word(run), save_every=0), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        time.sleep(0.35 + random.random() * 0.3)
        which = signal.SIGINT if number % 2 else signal.SIGTERM
        begin = time.monotonic()
        process.send_signal(which)
        code = process.wait(timeout=30)
        slowest = max(slowest, time.monotonic() - begin)
        if code == 0:
            shutil.rmtree(run)
            continue
        # Before the run has begun to train, the signal ends the process as it ends any.
        assert code in (128 + which, -which), f"exit {code} after {which.name}"
        number += 1
    finished(arzoo, run, expected)
    process = arzoo.start(*training(work / "twice", save_every=0), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    time.sleep(0.5)
    begin = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    process.wait(timeout=30)
    assert time.monotonic() - begin < 1.0, "the second signal did not end the process at once"
    assert slowest <= 5.0, f"{slowest:.1f} s until the state was saved"
    return f"{count} signals, saved within {slowest:.2f} s, exit 130 and 143, the end is that of an undisturbed run byte for byte"


@contextlib.contextmanager
def mounted(folder, size):
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def full_disks(arzoo, work, count, random):
    """A full disk, a read-only folder, a write that is cut short: what stood there stays."""
    good = work / "good"
    assert arzoo(*training(good, "--set", "training.max_steps=20")).code == 0
    state = contents(good / "last")
    for number in range(count):
        with mounted(work / f"disk_{number}", "1m") as disk:
            run = disk / "run"
            shutil.copytree(good, run)
            filler = disk / "filler"
            room = shutil.disk_usage(disk).free - random.randrange(4096, 40960)
            filler.write_bytes(b"\0" * max(room, 0))
            ended = arzoo(*training(run, "--resume"))
            assert ended.code == 1 and "No space left" in ended.err, (ended.code, ended.err)
            assert not half_written(run), "a half-written checkpoint stayed"
            filler.unlink()
            again = arzoo(*training(run, "--resume", "--set", "training.max_steps=25"))
            assert again.code == 0, again.err
    for number in range(count):
        with mounted(work / f"frozen_{number}", "2m") as disk:
            run = disk / "run"
            shutil.copytree(good, run)
            subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
            ended = arzoo(*training(run, "--resume"))
            assert ended.code in (1, 2, 3) and "ead-only" in ended.err, (ended.code, ended.err)
            assert contents(run / "last") == state
    for number in range(count):
        run = work / f"short_{number}"
        shutil.copytree(good, run)
        most = random.randrange(1000, len(state["model.safetensors"]))

        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

        ended = arzoo(*training(run, "--resume"), preexec_fn=limit)
        assert ended.code == 1, (ended.code, ended.err)
        assert not half_written(run) and contents(run / "last") == state
    return f"{count} full disks, {count} read-only folders, {count} short writes: exit not 0, the old checkpoint whole, nothing half-written left"


def damaged(arzoo, work, count, random):
    """One bit turned over, or the end cut, in the weights and the state that arzoo wrote."""
    run = trained(arzoo, work)
    series = SOURCE / "data/weather/temperatures_2010.csv"

    def look(number):
        copy = work / f"copy_{number}"
        shutil.copytree(run, copy)
        file = copy / ("model/model.safetensors" if number % 2 else "last/training.safetensors")
        data = bytearray(file.read_bytes())
        if number % 10 == 0:
            del data[places[number] :]
        else:
            data[places[number]] ^= 1 << (number % 8)
        file.write_bytes(data)
        words = ["forecast", "--model", copy, "--input", series, "--missing", "interpolate", "--output", copy / "out.csv"]
        if number % 2 == 0:
            words = ["train", tiny_config("forecast/itransformer"), "--out", copy, "--resume", "--set", "training.max_steps=30"]
        ended = arzoo(*words, "--threads", "1", "--quiet")
        assert ended.code == 3, f"byte {places[number]} of {file}: exit {ended.code}, {ended.err}"
        shutil.rmtree(copy)

    sizes = [(run / "last/training.safetensors").stat().st_size, (run / "model/model.safetensors").stat().st_size]
    places = [random.randrange(sizes[number % 2]) for number in range(count)]
    in_parallel(look, range(count))
    return f"{count} files, {count} refused"


def determinism(arzoo, work, count, random):
    """The same config and seed give the same run, byte for byte, on one thread."""

    def look(name):
        runs, run = [], work / name.replace("/", "_")  # one folder: its name is part of the config
        for _ in range(count):
            command = "distill" if name.startswith("distill/") else "train"
            ended = arzoo(command, tiny_config(name), "--out", run, "--threads", "1", "--quiet", "--set", "training.max_steps=6")
            assert ended.code == 0, ended.err
            runs.append(essence(run))
            shutil.rmtree(run)
        assert all(run == runs[0] for run in runs), f"{name} differs from run to run"

    names = all_models()
    in_parallel(look, names)
    return f"{len(names)} models, {count} runs each, equal byte for byte"


def not_finite(arzoo, work, count, random):
    """A loss that is no number ends the run at once, and the checkpoint before it stays."""
    names = [name for name in all_models() if not name.startswith("distill/")]
    for number in range(count):
        name, run = names[number * len(names) // count], work / f"nan_{number}"
        words = ["train", tiny_config(name), "--out", run, "--threads", "1", "--quiet", "--set", "training.save_every=1"]
        assert arzoo(*words, "--set", "training.max_steps=2").code == 0
        before = contents(run / "model")
        ended = arzoo(*words, "--resume", "--set", "training.learning_rate=1e30", "--set", "training.max_steps=40", "--set", "training.epochs=40")
        assert ended.code == 1, f"{name}: exit {ended.code}, {ended.err}"
        assert "step" in ended.err and ("nan" in ended.err or "inf" in ended.err), ended.err
        assert contents(run / "model") == before, "the good checkpoint was replaced"
    return f"{count} runs, each stopped with its step and loss, the model before it kept"


def locks(arzoo, work, count, random):
    """Two runs never write into one folder."""
    run = work / "one"
    first = arzoo.start(*training(run, "--set", "training.epochs=4000", "--set", "training.max_steps=1000000", save_every=50), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    while not (run / "last/training.json").exists():
        time.sleep(0.05)
    for number in range(count):
        ended = arzoo(*training(run, *(["--resume"] if number % 2 else [])))
        assert ended.code in (1, 2) and str(first.pid) in ended.err, (ended.code, ended.err)
    assert first.poll() is None
    first.kill()
    first.wait()
    return f"{count} second runs, each refused with the number of the process that is at work"


def resident_mib(process):
    with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmRSS"))


def memory(arzoo, work, count, random):
    """`count` series in one file, and a stream for 0.06 times as many seconds."""
    run = trained(arzoo, work, "forecast/itransformer", "--set", "data.format=long", "--set", f"data.path={long_file(work, ['a'], 300)}")
    path = long_file(work, [f"s{i}" for i in range(count)], 48)
    out = work / "out"
    out.mkdir()
    many = arzoo.start("forecast", "--model", run, "--input", path, "--output", out / "out.csv", "--threads", "1", "--quiet")
    sizes = []  # resident memory, from the first forecasts that are written
    while many.poll() is None:
        with contextlib.suppress(OSError, StopIteration):  # it may end meanwhile
            if any(file.stat().st_size > 0 for file in out.glob(".arzoo-*")):
                sizes.append(resident_mib(many))
        time.sleep(0.005)
    assert many.returncode == 0 and sizes, "the forecast of many series failed"
    more = max(sizes) / sizes[0] - 1
    assert more < 0.05, f"the forecast of {count} series grew by {100 * more:.1f} %"
    stream = arzoo.start("forecast", "--model", run, "--stream", "--threads", "1", "--quiet", stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    line = json.dumps({"values": [float(t % 24) for t in range(24)], "ds": "2020-01-01 00:00:00", "id": 1}) + "\n"
    seconds, windows = 0.06 * count, 0
    end = time.monotonic() + seconds
    while windows < 2000 or time.monotonic() < end:
        stream.stdin.write(line)
        stream.stdin.flush()
        assert '"yhat"' in stream.stdout.readline()
        windows += 1
        if windows == 1000:
            early = resident_mib(stream)
    late = resident_mib(stream)
    stream.stdin.close()
    assert stream.wait() == 0
    growth = late / early - 1
    assert growth < 0.05, f"the stream grew by {100 * growth:.1f} %"
    return (f"{count} series: {sizes[0]:.0f} MiB with the first forecasts, at most {max(sizes):.0f} MiB ({100 * more:+.1f} %); a stream of {windows} windows in {seconds:.0f} s: "
            f"{early:.0f} MiB after 1000, {late:.0f} MiB at the end ({100 * growth:+.1f} %)")


def shards(arzoo, work, count, random):
    """`count` series of five days in one long file, forecast as a whole and in two parts."""
    path = work / "many.csv"
    with open(path, "w", encoding="ascii") as file:
        file.write("unique_id,ds,y\n")
        for number in range(count):
            file.write("".join(f"s{number},2024-01-0{day},{(number * 7 + day * 3) % 101}\n" for day in range(1, 6)))

    def forecast(name, *words):
        ended = arzoo("forecast", "--model", "theta", "--input", path, "--horizon", 3, "--threads", 1, "--output", work / name, *words, limit=3600)
        assert ended.code == 0, ended.err[-2000:]
        assert count < 10_000 or "series: " in ended.err, "no progress is shown"
        return ended

    calls = [forecast("whole.csv"), forecast("1.csv", "--shard", "1/2"), forecast("2.csv", "--shard", "2/2")]
    joined = (work / "1.csv").read_bytes() + (work / "2.csv").read_bytes().partition(b"\n")[2]
    assert joined == (work / "whole.csv").read_bytes(), "the parts, joined, are not the whole"
    peaks = ", ".join(f"{ended.peak_mib:.0f}" for ended in calls)
    times = ", ".join(f"{ended.seconds:.0f}" for ended in calls)
    return f"{count} series, {path.stat().st_size / 1e6:.0f} MB: the parts, joined, are the whole to the byte; whole and parts take {peaks} MiB and {times} s"
