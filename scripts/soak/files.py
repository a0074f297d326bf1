"""Hostile checkpoints, pickles and data files."""

import json
import re
import struct
import zipfile

import safetensors

from .program import SOURCE, in_parallel, mutated, tiny_config

CHECKPOINTS = SOURCE / "tests/fixtures/checkpoints"


def mutations(work, sources, count, random):
    """Files of `count` mutations of the sources, one after the other."""
    originals = [(path.suffix, path.read_bytes()) for path in sources]
    for number in range(count):
        suffix, data = originals[number % len(originals)]
        path = work / f"mutation_{number}{suffix}"
        path.write_bytes(mutated(data, random))
        yield path


def safetensors_files(arzoo, work, count, random):
    """Nothing is accepted that the official reader refuses."""
    own = work / "own.safetensors"
    assert arzoo("convert", CHECKPOINTS / "zip.pth", own).code == 0

    def look(path):
        ended = arzoo.refused(arzoo("inspect", path), 0, 3)
        if ended.code == 0:
            safetensors.deserialize(path.read_bytes())
        path.unlink()
        return ended.code == 0

    accepted = in_parallel(look, mutations(work, [CHECKPOINTS / "small.safetensors", own], count, random))
    return f"{count} mutations, {sum(accepted)} accepted, all of them by the official reader too"


def zip_bomb(path, megabytes):
    """A checkpoint with a record that unpacks to very many zeros; in pieces, since a child's peak begins with its parent's."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02}q\x00.")
        with archive.open("archive/data/0", "w") as record:
            for _ in range(megabytes):
                record.write(b"\0" * 2**20)


def pickle_files(arzoo, work, count, random):
    """Memory stays within twice the file and 64 MB more than a good file of that kind takes."""
    sources = [CHECKPOINTS / name for name in ("zip.pth", "legacy.pth", "protocol5.pth", "trainer.pt")]
    good = max(arzoo("inspect", path).peak_mib for path in sources)
    bombs = []
    for megabytes in (1, 64, 512):
        bombs.append(work / f"bomb_{megabytes}.pth")
        zip_bomb(bombs[-1], megabytes)

    def look(path):
        ended = arzoo.refused(arzoo("inspect", path), 0, 3)
        most = good + 2 * path.stat().st_size / 2**20 + 64
        assert ended.peak_mib <= most, f"{path}: {ended.peak_mib:.0f} MiB, expected at most {most:.0f}"
        path.unlink()
        return ended.code == 0, ended.peak_mib

    results = in_parallel(look, [*bombs, *mutations(work, sources, count, random)])
    return f"{len(results)} files, {sum(ok for ok, _ in results)} accepted, at most {max(peak for _, peak in results):.0f} MiB (a good file: {good:.0f})"


DANGEROUS = """posix.system os.system os.popen os.execv os.remove subprocess.Popen subprocess.call builtins.eval builtins.exec
builtins.__import__ builtins.open builtins.input builtins.compile __builtin__.eval importlib.import_module shutil.rmtree
runpy.run_path ctypes.CDLL socket.create_connection pickle.loads marshal.loads types.FunctionType operator.attrgetter
types.CodeType codecs.decode torch.load torch.hub.load numpy.load pty.spawn timeit.timeit webbrowser.open""".split()

# Objects of these stand beside the weights in honest files.
PASSED_OVER = "builtins.getattr functools.partial omegaconf.dictconfig.DictConfig pathlib.PosixPath datetime.datetime types.SimpleNamespace mine.Class".split()


def pickles_with_code(arzoo, work, count, random):
    """What would be called is named and not called."""
    witness = work / "pwned"
    argument = f"touch {witness}".encode()
    for number in range(count):
        module, name = DANGEROUS[number % len(DANGEROUS)].rsplit(".", 1)
        call = f"c{module}\n{name}\n".encode() + b"X" + struct.pack("<I", len(argument)) + argument + b"\x85R"
        path = work / "code.pth"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data.pkl", b"\x80\x02" + (b"}X\x01\x00\x00\x00w" + call + b"s." if number % 2 else call + b"."))
            archive.writestr("archive/version", b"3\n")
        for words in (("inspect", path), ("convert", path, work / "out.safetensors")):
            ended = arzoo.refused(arzoo(*words), 3)
            assert f"{module}.{name}" in ended.err, ended.err
            assert not witness.exists() and not (work / "out.safetensors").exists()
    for name in PASSED_OVER:
        module, name = name.rsplit(".", 1)
        call = f"c{module}\n{name}\n".encode() + b"X" + struct.pack("<I", len(argument)) + argument + b"\x85R"
        path = work / "object.pth"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data.pkl", b"\x80\x02}X\x01\x00\x00\x00w" + call + b"s.")
        assert "not read" in arzoo.refused(arzoo("inspect", path), 0).out
        assert f"{module}.{name}" in arzoo.refused(arzoo("convert", path, work / "out.safetensors"), 3).err
        assert not witness.exists()
    return f"{count} pickles, each refused by the name of what it would call; {len(PASSED_OVER)} with other objects, none made"


def header_attacks(arzoo, work, count, random):
    """Headers that lie about lengths, names and places."""

    def file(header, data=b"", length=None):
        text = header if isinstance(header, bytes) else json.dumps(header).encode()
        return struct.pack("<Q", len(text) if length is None else length) + text + data

    def entry(begin, end, shape=None, dtype="U8"):
        return {"dtype": dtype, "shape": [end - begin] if shape is None else shape, "data_offsets": [begin, end]}

    n = 100_000
    attacks = [
        *(file({"w": entry(0, 4)}, b"abcd", length) for length in (2**63, 2**64 - 1, 2**63 - 1, 100_000_001, 2**32, 10**9)),
        *(file({f"{i:x}": entry(i * k, i * k + k) for i in range(n)}, b"x" * (n * k) + tail) for k, tail in ((1, b"!"), (0, b"!"), (2, b"!!"))),
        *(file(b"{" + b",".join([b'"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}'] * k) + b"}", b"x") for k in (2, 3, n)),
        *(file({"a": entry(0, 4), "b": entry(at, at + 4)}, b"x" * 8) for at in (0, 1, 2, 3, 5, 6, 7)),
        *(file({"w": {"dtype": "F32", "shape": shape, "data_offsets": [0, 4]}}, b"abcd") for shape in ([2**62, 4], [2**63], [-1], [1.0], [1] * 65, [2**32, 2**32], [[1]])),
        *(file({"w": {"dtype": "F32", "shape": [1], "data_offsets": offsets}}, b"abcd") for offsets in ([4, 0], [0, 2**63], [-4, 0], [0], [0, 4, 8], [2**64, 2**64 + 4])),
        *(file(b'{"w":' + opening * n, b"") for opening in (b"[", b'{"a":')),
        file(b'{"w":{"dtype":"' + b"F" * 10**7 + b'","shape":[1],"data_offsets":[0,4]}}', b"abcd"),
        file({"__metadata__": {"k": ["no text"]}}),
        file({"__metadata__": {str(i): "v" * 50 for i in range(n)}, "w": entry(0, 1)}, b"xy"),
        file({"w" * 10**7: entry(0, 1)}, b"xy"),
        file(b"\0" * 64),
        file(b'{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}\0{}', b"x"),
    ]
    slowest = 0.0
    for number, data in enumerate(attacks[:count]):
        path = work / f"attack_{number}.safetensors"
        path.write_bytes(data)
        ended = arzoo.refused(arzoo("inspect", path), 3)
        slowest = max(slowest, ended.seconds)
        path.unlink()
    assert slowest < 1.0, f"{slowest:.2f} s, expected less than 1 s"
    return f"{min(count, len(attacks))} headers, the slowest answered in {slowest:.2f} s, start included"


def trained(arzoo, work, name="forecast/itransformer", *words):
    run = work / name.replace("/", "_")
    ended = arzoo("train", tiny_config(name), "--out", run, "--threads", "1", "--quiet", *words)
    assert ended.code == 0, ended.err
    return run


def hostile_rows(rows, random):
    """A table's lines with one change, as text or, mutated, as bytes."""
    at = random.randrange(2, len(rows))
    cells = rows[at].split(",")
    column = random.randrange(1, len(cells))
    kind = random.randrange(14)
    if kind == 0:
        return "\ufeff" + "\n".join(rows)
    if kind == 1:
        return "\r\n".join(rows)
    if kind == 2:
        cells[column] = f'"{cells[column]}"'
    elif kind == 3:
        cells[column] = '"' + cells[column]
    elif kind == 4:
        cells.append("7")
    elif kind == 5:
        cells.pop()
    elif kind == 6:
        cells[column] = "1\0"
    elif kind == 7:
        cells[column] = "9" * random.choice([400, 10_000, 10_000_000])
    elif kind == 8:
        rows[at], rows[at - 1] = rows[at - 1], rows[at]
        return "\n".join(rows)
    elif kind == 9:
        rows[at] = rows[at - 1]
        return "\n".join(rows)
    elif kind == 10:
        cells[column] = random.choice(["1e999", "-1e999", "nan", "inf", "0x10", "1,5", "1_000", "--1", "1e", "٣"])
    elif kind == 11:
        cells[0] = random.choice(["", "yesterday", "2010-02-30 00:00:00", "2010-13-01 00:00:00", "99999999999", "2010-01-01T"])
    elif kind == 12:
        return mutated("\n".join(rows).encode(), random)
    else:
        rows.insert(at, "")
        return "\n".join(rows)
    rows[at] = ",".join(cells)
    return "\n".join(rows)


def csv_files(arzoo, work, count, random):
    """A broken file is refused with its line; whatever is read gives the same forecast twice."""
    run = trained(arzoo, work)
    good = (SOURCE / "data/weather/temperatures_2010.csv").read_text().splitlines()[:400]

    def look(number_and_bytes):
        number, data = number_and_bytes
        path, outputs = work / f"rows_{number}.csv", [work / f"out_{number}_{i}.csv" for i in (0, 1)]
        path.write_bytes(data)
        ends = [arzoo.refused(arzoo("forecast", "--model", run, "--input", path, "--output", output, "--threads", "1", "--quiet"), 0, 3) for output in outputs]
        assert ends[0].code == ends[1].code and ends[0].err == ends[1].err
        if ends[0].code == 0:
            assert outputs[0].read_bytes() == outputs[1].read_bytes()
        else:
            assert re.search(rf"rows_{number}\.csv(:\d+)?: ", ends[0].err), ends[0].err
            assert len(ends[0].err) < 1000, "a message of a whole cell"
        for file in (path, *outputs):
            file.unlink(missing_ok=True)
        return ends[0].code == 0, bool(re.search(r"\.csv:\d+: ", ends[0].err))

    def tables():
        for number in range(count):
            text = hostile_rows(list(good), random)
            yield number, text if isinstance(text, bytes) else text.encode()

    results = in_parallel(look, tables())
    refused = len(results) - sum(ok for ok, _ in results)
    return f"{count} files, {refused} refused, {sum(line for _, line in results)} of them with the line, the others accepted with equal forecasts"


def formulas(arzoo, work, count, random):
    """Series' names that a spreadsheet would run are written as text."""
    run = trained(arzoo, work, "forecast/itransformer", "--set", "data.format=long", "--set", f"data.path={long_file(work, ['a'], 300)}")
    names = [random.choice("=+-@") + random.choice(["1+1", "cmd|' /C calc'!A0", "SUM(A1:A9)", "HYPERLINK(1)", "x"]) + str(i) for i in range(count)]
    names += ["-5", "+7", "-1.5e-3"]
    output = work / "out.csv"
    ended = arzoo("forecast", "--model", run, "--input", long_file(work, names, 60), "--output", output, "--quiet")
    assert ended.code == 0, ended.err
    first = {line.lstrip('"')[0] for line in output.read_text().splitlines() if not re.match(r'"?[-+][\d.e-]+"?,', line)}
    assert not first & set("=+-@\t\r"), first
    assert "\n-5," in output.read_text(), "a negative number was changed"
    return f"{count} names, none left as a formula, numbers as they were"


def long_file(work, names, rows):
    path = work / f"long_{len(names)}.csv"
    lines = ["unique_id,ds,y"]
    for k, name in enumerate(names):
        quoted = '"' + name.replace('"', '""') + '"'
        lines += [f"{quoted},2020-01-{1 + t // 24:02d} {t % 24:02d}:00:00,{(t * 7 + k) % 24 + 0.5}" for t in range(rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


def configs(arzoo, work, count, random):
    """A wrong config is answered with the place and a hint, before LibTorch is opened."""
    texts = [json.loads(path.read_text()) for path in sorted(SOURCE.glob("configs/*/*_tiny.json"))]
    times = []
    for _ in range(count):
        config = json.loads(json.dumps(random.choice(texts)))
        section = config[random.choice([key for key in config if isinstance(config[key], dict)])]
        key = random.choice(list(section))
        if key == "name":
            section[key] += "x"
        elif random.random() < 0.4:
            section[key + random.choice("xyz_")] = section.pop(key)
            key = None
        else:
            section[key] = [{"a": 1}] if not isinstance(section[key], (list, dict)) else "text"
        path = work / "config.json"
        path.write_text(json.dumps(config))
        ended = arzoo.refused(arzoo("train", path, "--out", work / "never", "--dry-run"), 2)
        assert "config.json: /" in ended.err, ended.err
        assert not (work / "never").exists()
        times.append(ended.seconds)
    times.sort()
    return f"{count} configs, answered in {1000 * times[len(times) // 2]:.0f} ms (median), {1000 * times[-1]:.0f} ms (slowest)"
