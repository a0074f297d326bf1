#!/usr/bin/env python3
"""The models of arzoo in plain PyTorch, as their papers' code formulates them, for timing beside the native ones.

`arzoo bench speed` starts this program and sends one JSON request per line:
    {"model": {"name": "itransformer", ...}, "shape": {"seq_len": 96, ...}, "batch_size": 32,
     "work": "train_step" | "inference" | "generate", "dtype": "fp32" | "bf16", "device": "cpu" | "cuda:0", "repeat": 20, "threads": 2,
     "engine": "eager" | "compile" | "openvino" | "onnxruntime"}
The answer is one JSON line: {"seconds": [...], "peak_memory_bytes": N, "start_seconds": S, "compile_seconds": C}, the wall time of each repetition, the
most resident memory meanwhile, how long imports and the model's construction took, and how long the engine needed for the model before it could run; or
{"error": "..."} for a request that it cannot serve. Without an "engine" it is "eager", which needs only `torch`; the others what they are called.
"""
import time

START = time.perf_counter()
import ctypes  # noqa: E402
import gc  # noqa: E402
import json  # noqa: E402
import sys  # noqa: E402

import torch  # noqa: E402
from torch.nn import functional as F  # noqa: E402

sys.dont_write_bytecode = True  # the models lie beside this file, in a source tree
from engines import ENGINES, exported  # noqa: E402
from plain_models import BATCHES, MODELS  # noqa: E402

IMPORTED = time.perf_counter() - START


def make_windows(shape, batch_size):
    generator = torch.Generator().manual_seed(1)

    def noise(*sizes):
        return torch.randn(*sizes, generator=generator)

    decoder_len = shape["label_len"] + shape["pred_len"]
    return {
        "x_enc": noise(batch_size, shape["seq_len"], shape["enc_in"]),
        "x_mark_enc": noise(batch_size, shape["seq_len"], shape["marks"]) * 0.3,
        "x_dec": noise(batch_size, decoder_len, shape["enc_in"]),
        "x_mark_dec": noise(batch_size, decoder_len, shape["marks"]) * 0.3,
        "target": noise(batch_size, shape["pred_len"], shape["c_out"]),
    }


class PeakMemory:
    """The most memory since it was made: what tensors hold of a GPU, else resident memory, where the system (Linux) tells; heap kept for later is given back first."""

    def __init__(self, device):
        gc.collect()
        self.device = device
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
            return
        try:
            ctypes.CDLL(None).malloc_trim(0)
            with open("/proc/self/clear_refs", "w") as out:
                out.write("5")
            self.watching = True
        except (OSError, AttributeError):
            self.watching = False

    def bytes(self):
        if self.device.type == "cuda":
            return torch.cuda.max_memory_allocated(self.device)
        if not self.watching:
            return None
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))


class Workbench:
    """Keeps the model it has built last, so that a request times the work and not the set-up."""

    def __init__(self):
        self.key, self.built = None, None
        self.work_key, self.work = None, None
        self.start_seconds, self.compile_seconds = 0.0, 0.0

    def model(self, request):
        key = json.dumps([request["model"], request["shape"], request["device"]], sort_keys=True)
        if key != self.key:
            self.key, self.built, self.work_key, self.work = None, None, None, None
            start = time.perf_counter()
            torch.manual_seed(0)
            name = request["model"]["name"]
            if name not in MODELS:
                raise ValueError(f"no plain PyTorch model is called {name!r}")
            model = MODELS[name](request["model"], request["shape"]).to(request["device"])
            self.key, self.built = key, (model, torch.optim.Adam(model.parameters(), lr=1e-4))
            self.start_seconds = IMPORTED + time.perf_counter() - start
        return self.built

    def prepared(self, request, make):
        """What `make` gave for such a request before, or gives now; the first run, in which an engine may still compile, belongs to it."""
        key = json.dumps({name: value for name, value in request.items() if name != "repeat"}, sort_keys=True)
        if key != self.work_key:
            self.work_key, self.work = None, None
            start = time.perf_counter()
            work = make()
            work()
            self.work_key, self.work, self.compile_seconds = key, work, time.perf_counter() - start
        return self.work

    def time(self, request):
        torch.set_num_threads(request["threads"])
        engine = request.get("engine", "eager")
        if engine not in ENGINES:
            raise ValueError(f"no engine is called {engine!r} (expected one of {', '.join(ENGINES)})")
        model, optimizer = self.model(request)
        device = torch.device(request["device"])
        torch.backends.cudnn.allow_tf32 = False  # fp32 is fp32, in convolutions too, as it is beside it
        make_batch = BATCHES.get(request["model"]["name"], make_windows)
        batch = {name: values.to(device) for name, values in make_batch(request["shape"], request["batch_size"]).items()}
        autocast = torch.autocast(device.type, dtype=torch.bfloat16, enabled=request["dtype"] == "bf16")
        training = request["work"] == "train_step"
        model.train(training)

        def make():
            if engine not in ("eager", "compile"):
                if training:
                    raise ValueError(f"{engine} trains nothing")
                return exported(engine, model, batch, request["threads"], request["dtype"])
            forward = model
            if engine == "compile":
                torch._dynamo.reset()
                forward = torch.compile(model)

            def train_step():
                optimizer.zero_grad()
                with autocast:
                    loss = F.mse_loss(forward(batch).float(), batch["target"])
                loss.backward()
                optimizer.step()
                return loss.item()

            def inference():
                with torch.no_grad(), autocast:
                    return forward(batch)

            return train_step if training else inference

        work = self.prepared(request, make)
        memory, seconds = PeakMemory(device), []
        for _ in range(request["repeat"]):
            start = time.perf_counter()
            work()
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            seconds.append(time.perf_counter() - start)
        answer = {"seconds": seconds, "start_seconds": self.start_seconds, "compile_seconds": self.compile_seconds if engine != "eager" else 0.0}
        peak = memory.bytes()
        return answer if peak is None else answer | {"peak_memory_bytes": peak}


def main():
    bench = Workbench()
    for line in sys.stdin:
        try:
            answer = bench.time(json.loads(line))
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
