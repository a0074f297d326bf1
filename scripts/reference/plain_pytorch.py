#!/usr/bin/env python3
"""The models of arzoo in plain PyTorch, as their papers' code formulates them, for timing beside the native ones.

`arzoo bench speed` starts this program and sends one JSON request per line:
    {"model": {"name": "itransformer", ...}, "shape": {"seq_len": 96, ...}, "batch_size": 32,
     "work": "train_step" | "inference", "dtype": "fp32" | "bf16", "device": "cpu" | "cuda:0", "repeat": 20, "threads": 2}
The answer is one JSON line: {"seconds": [...], "peak_memory_bytes": N}, the wall time of each repetition and the most
resident memory meanwhile, or {"error": "..."} for a request that it cannot serve. Needs only `torch`.
"""
import ctypes
import gc
import json
import math
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F


class FullAttention(nn.Module):
    def __init__(self, dropout):
        super().__init__()
        self.dropout = nn.Dropout(dropout)

    def forward(self, q, k, v):
        scores = torch.einsum("blhe,bshe->bhls", q, k)
        weights = self.dropout(torch.softmax(scores / math.sqrt(q.shape[-1]), dim=-1))
        return torch.einsum("bhls,bshd->blhd", weights, v).contiguous()


class AttentionLayer(nn.Module):
    def __init__(self, attention, d_model, n_heads):
        super().__init__()
        width = d_model // n_heads * n_heads
        self.attention, self.n_heads = attention, n_heads
        self.query, self.key, self.value = (nn.Linear(d_model, width) for _ in range(3))
        self.out = nn.Linear(width, d_model)

    def forward(self, q, k, v):
        def heads(x):
            return x.view(x.shape[0], x.shape[1], self.n_heads, -1)

        mixed = self.attention(heads(self.query(q)), heads(self.key(k)), heads(self.value(v)))
        return self.out(mixed.reshape(q.shape[0], q.shape[1], -1))


class EncoderLayer(nn.Module):
    """Post-norm layer whose feed-forward is two convolutions of width one."""

    def __init__(self, attention, d_model, d_ff, dropout, activation):
        super().__init__()
        self.attention = attention
        self.conv1, self.conv2 = nn.Conv1d(d_model, d_ff, 1), nn.Conv1d(d_ff, d_model, 1)
        self.norm1, self.norm2 = nn.LayerNorm(d_model), nn.LayerNorm(d_model)
        self.dropout = nn.Dropout(dropout)
        self.activation = F.relu if activation == "relu" else F.gelu

    def forward(self, x):
        x = self.norm1(x + self.dropout(self.attention(x, x, x)))
        y = self.dropout(self.activation(self.conv1(x.transpose(-1, 1))))
        y = self.dropout(self.conv2(y).transpose(-1, 1))
        return self.norm2(x + y)


class ITransformer(nn.Module):
    def __init__(self, o, s):
        super().__init__()
        self.use_norm = o["use_norm"]
        self.embedding = nn.Linear(s["seq_len"], o["d_model"])
        self.dropout = nn.Dropout(o["dropout"])
        self.layers = nn.ModuleList(
            EncoderLayer(AttentionLayer(FullAttention(o["dropout"]), o["d_model"], o["n_heads"]),
                         o["d_model"], o["d_ff"], o["dropout"], o["activation"])
            for _ in range(o["e_layers"]))
        self.norm = nn.LayerNorm(o["d_model"])
        self.projector = nn.Linear(o["d_model"], s["pred_len"])

    def forward(self, batch):
        x, marks = batch["x_enc"], batch["x_mark_enc"]
        variates = x.shape[-1]
        if self.use_norm:
            mean = x.mean(1, keepdim=True).detach()
            x = x - mean
            std = torch.sqrt(torch.var(x, dim=1, keepdim=True, unbiased=False) + 1e-5)
            x = x / std
        tokens = self.dropout(self.embedding(torch.cat([x.permute(0, 2, 1), marks.permute(0, 2, 1)], 1)))
        for layer in self.layers:
            tokens = layer(tokens)
        out = self.projector(self.norm(tokens)).permute(0, 2, 1)[:, :, :variates]
        if self.use_norm:
            out = out * std[:, 0, :].unsqueeze(1) + mean[:, 0, :].unsqueeze(1)
        return out


class TokenEmbedding(nn.Module):
    """Values, calendar and, where asked, positions, summed."""

    def __init__(self, o, s, bias, positions):
        super().__init__()
        width = o["d_model"]
        self.values = nn.Conv1d(s["enc_in"], width, 3, padding=1, padding_mode="circular", bias=bias)
        self.calendar = nn.Linear(s["marks"], width, bias=bias)
        self.dropout = nn.Dropout(o["dropout"])
        table = None
        if positions:
            angles = torch.arange(5000).unsqueeze(1) * torch.exp(torch.arange(0, width, 2) * (-math.log(10000) / width))
            table = torch.stack([angles.sin(), angles.cos()], 2).flatten(1)
        self.register_buffer("table", table)

    def forward(self, x, marks):
        out = self.values(x.permute(0, 2, 1)).transpose(1, 2) + self.calendar(marks)
        if self.table is not None:
            out = out + self.table[:x.shape[1]]
        return self.dropout(out)


class SeriesDecomposition(nn.Module):
    def __init__(self, moving_avg):
        super().__init__()
        self.half = (moving_avg - 1) // 2
        self.mean = nn.AvgPool1d(moving_avg, stride=1)

    def forward(self, x):
        ends = torch.cat([x[:, :1].repeat(1, self.half, 1), x, x[:, -1:].repeat(1, self.half, 1)], 1)
        trend = self.mean(ends.permute(0, 2, 1)).permute(0, 2, 1)
        return x - trend, trend


class AutoCorrelation(nn.Module):
    """Scores by one inverse transform a channel; one gathered copy of the values a delay."""

    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, q, k, v):
        batch, length, heads, width = q.shape
        if length > k.shape[1]:
            missing = torch.zeros_like(q[:, :length - k.shape[1]])
            k, v = torch.cat([k, missing], 1), torch.cat([v, missing], 1)
        k, v = k[:, :length], v[:, :length]
        spectrum_q = torch.fft.rfft(q.permute(0, 2, 3, 1).contiguous().float(), dim=-1)
        spectrum_k = torch.fft.rfft(k.permute(0, 2, 3, 1).contiguous().float(), dim=-1)
        correlation = torch.fft.irfft(spectrum_q * torch.conj(spectrum_k), n=length, dim=-1)
        values = v.permute(0, 2, 3, 1).contiguous()
        count = int(self.factor * math.log(length))
        scores = correlation.mean(1).mean(1)
        if self.training:
            delays = torch.topk(scores.mean(0), count).indices
            weights = torch.softmax(torch.stack([scores[:, d] for d in delays], -1), -1)
            out = torch.zeros_like(values).float()
            for i in range(count):
                out = out + torch.roll(values, -int(delays[i]), -1) * weights[:, i].view(batch, 1, 1, 1)
        else:
            best, delays = torch.topk(scores, count)
            weights = torch.softmax(best, -1)
            twice = values.repeat(1, 1, 1, 2)
            steps = torch.arange(length, device=v.device).view(1, 1, 1, -1).repeat(batch, heads, width, 1)
            out = torch.zeros_like(values).float()
            for i in range(count):
                rows = steps + delays[:, i].view(batch, 1, 1, 1).repeat(1, heads, width, length)
                out = out + torch.gather(twice, -1, rows) * weights[:, i].view(batch, 1, 1, 1)
        return out.permute(0, 3, 1, 2).contiguous()


class SeasonalFeedForward(nn.Module):
    def __init__(self, o):
        super().__init__()
        self.conv1 = nn.Conv1d(o["d_model"], o["d_ff"], 1, bias=False)
        self.conv2 = nn.Conv1d(o["d_ff"], o["d_model"], 1, bias=False)
        self.dropout = nn.Dropout(o["dropout"])
        self.activation = F.relu if o["activation"] == "relu" else F.gelu

    def forward(self, x):
        y = self.dropout(self.activation(self.conv1(x.transpose(-1, 1))))
        return self.dropout(self.conv2(y).transpose(-1, 1))


def correlation_layer(o):
    return AttentionLayer(AutoCorrelation(o["factor"]), o["d_model"], o["n_heads"])


class SeasonalEncoderLayer(nn.Module):
    def __init__(self, o):
        super().__init__()
        self.attention, self.feed_forward = correlation_layer(o), SeasonalFeedForward(o)
        self.first, self.second = SeriesDecomposition(o["moving_avg"]), SeriesDecomposition(o["moving_avg"])
        self.dropout = nn.Dropout(o["dropout"])

    def forward(self, x):
        x, _ = self.first(x + self.dropout(self.attention(x, x, x)))
        return self.second(x + self.feed_forward(x))[0]


class SeasonalDecoderLayer(nn.Module):
    def __init__(self, o, channels):
        super().__init__()
        self.own, self.cross, self.feed_forward = correlation_layer(o), correlation_layer(o), SeasonalFeedForward(o)
        self.first, self.second, self.third = (SeriesDecomposition(o["moving_avg"]) for _ in range(3))
        self.dropout = nn.Dropout(o["dropout"])
        self.projection = nn.Conv1d(o["d_model"], channels, 3, padding=1, padding_mode="circular", bias=False)

    def forward(self, x, memory):
        x, first = self.first(x + self.dropout(self.own(x, x, x)))
        x, second = self.second(x + self.dropout(self.cross(x, memory, memory)))
        x, third = self.third(x + self.feed_forward(x))
        return x, self.projection((first + second + third).permute(0, 2, 1)).transpose(1, 2)


class SeasonalNorm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm = nn.LayerNorm(width)

    def forward(self, x):
        x = self.norm(x)
        return x - x.mean(1).unsqueeze(1).repeat(1, x.shape[1], 1)


class Autoformer(nn.Module):
    def __init__(self, o, s):
        super().__init__()
        self.label_len, self.pred_len = s["label_len"], s["pred_len"]
        self.decomposition = SeriesDecomposition(o["moving_avg"])
        self.enc_embedding, self.dec_embedding = (TokenEmbedding(o, s, False, False) for _ in range(2))
        self.encoder = nn.ModuleList(SeasonalEncoderLayer(o) for _ in range(o["e_layers"]))
        self.decoder = nn.ModuleList(SeasonalDecoderLayer(o, s["enc_in"]) for _ in range(o["d_layers"]))
        self.enc_norm, self.dec_norm = SeasonalNorm(o["d_model"]), SeasonalNorm(o["d_model"])
        self.projection = nn.Linear(o["d_model"], s["enc_in"])

    def forward(self, batch):
        x = batch["x_enc"]
        seasonal, trend = self.decomposition(x)
        mean = x.mean(1).unsqueeze(1).repeat(1, self.pred_len, 1)
        trend = torch.cat([trend[:, -self.label_len:], mean], 1)
        seasonal = torch.cat([seasonal[:, -self.label_len:], torch.zeros_like(mean)], 1)
        memory = self.enc_embedding(x, batch["x_mark_enc"])
        for layer in self.encoder:
            memory = layer(memory)
        memory = self.enc_norm(memory)
        y = self.dec_embedding(seasonal, batch["x_mark_dec"])
        for layer in self.decoder:
            y, growth = layer(y, memory)
            trend = trend + growth
        return (trend + self.projection(self.dec_norm(y)))[:, -self.pred_len:]


class ProbSparseAttention(nn.Module):
    """Gathers the sampled keys of every query."""

    def __init__(self, causal, factor):
        super().__init__()
        self.causal, self.factor = causal, factor

    def forward(self, q, k, v):
        q, k, v = q.transpose(2, 1), k.transpose(2, 1), v.transpose(2, 1)
        batch, heads, length, width = q.shape
        there = k.shape[2]
        sampled = min(self.factor * math.ceil(math.log(there)), there)
        kept = min(self.factor * math.ceil(math.log(length)), length)
        expanded = k.unsqueeze(-3).expand(batch, heads, length, there, width)
        index = torch.randint(there, (length, sampled))
        keys = expanded[:, :, torch.arange(length).unsqueeze(1), index, :]
        scores = torch.matmul(q.unsqueeze(-2), keys.transpose(-2, -1)).squeeze(-2)
        top = (scores.max(-1)[0] - scores.sum(-1) / there).topk(kept, sorted=False)[1]
        b, h = torch.arange(batch)[:, None, None], torch.arange(heads)[None, :, None]
        scores = torch.matmul(q[b, h, top, :], k.transpose(-2, -1)) / math.sqrt(width)
        if self.causal:
            future = torch.ones(length, there, dtype=torch.bool, device=q.device).triu(1)
            scores = scores.masked_fill(future.expand(batch, heads, length, there)[b, h, top, :], -math.inf)
            context = v.cumsum(-2)
        else:
            context = v.mean(-2).unsqueeze(-2).expand(batch, heads, length, width).clone()
        context[b, h, top, :] = torch.matmul(torch.softmax(scores, -1), v).type_as(context)
        return context.transpose(2, 1).contiguous()


class MixedHeads(nn.Module):
    """Hands the layer around it the heads' results in the order of heads first, steps second."""

    def __init__(self, attention):
        super().__init__()
        self.attention = attention

    def forward(self, q, k, v):
        return self.attention(q, k, v).transpose(2, 1).contiguous()


class Distilling(nn.Module):
    def __init__(self, width, padding):
        super().__init__()
        self.conv = nn.Conv1d(width, width, 3, padding=padding, padding_mode="circular")
        self.norm, self.activation, self.pool = nn.BatchNorm1d(width), nn.ELU(), nn.MaxPool1d(3, 2, 1)

    def forward(self, x):
        return self.pool(self.activation(self.norm(self.conv(x.permute(0, 2, 1))))).transpose(1, 2)


class InformerDecoderLayer(nn.Module):
    def __init__(self, o, own, cross):
        super().__init__()
        width = o["d_model"]
        self.own, self.cross = (AttentionLayer(a, width, o["n_heads"]) for a in (own, cross))
        self.conv1, self.conv2 = nn.Conv1d(width, o["d_ff"], 1), nn.Conv1d(o["d_ff"], width, 1)
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(width) for _ in range(3))
        self.dropout = nn.Dropout(o["dropout"])
        self.activation = F.relu if o["activation"] == "relu" else F.gelu

    def forward(self, x, memory):
        x = self.norm1(x + self.dropout(self.own(x, x, x)))
        x = self.norm2(x + self.dropout(self.cross(x, memory, memory)))
        y = self.dropout(self.activation(self.conv1(x.transpose(-1, 1))))
        return self.norm3(x + self.dropout(self.conv2(y).transpose(-1, 1)))


class Informer(nn.Module):
    """Both networks of this name: Informer2020's and, with `library`, the Time-Series-Library's."""

    def __init__(self, o, s, library=False):
        super().__init__()
        self.pred_len = s["pred_len"]
        sparse = o.get("attn", "prob") == "prob"

        def attention(causal, mixed):
            kind = ProbSparseAttention(causal, o["factor"]) if sparse else FullAttention(o["dropout"])
            return MixedHeads(kind) if mixed else kind

        self.enc_embedding, self.dec_embedding = (TokenEmbedding(o, s, not library, True) for _ in range(2))
        self.layers = nn.ModuleList(
            EncoderLayer(AttentionLayer(attention(False, library), o["d_model"], o["n_heads"]), o["d_model"], o["d_ff"],
                         o["dropout"], o["activation"]) for _ in range(o["e_layers"]))
        self.distilling = nn.ModuleList(
            Distilling(o["d_model"], 2 if library else 1) for _ in range(o["e_layers"] - 1 if o["distil"] else 0))
        self.decoder = nn.ModuleList(
            InformerDecoderLayer(o, attention(True, o.get("mix", True)),
                                 attention(False, True) if library else FullAttention(o["dropout"]))
            for _ in range(o["d_layers"]))
        self.enc_norm, self.dec_norm = nn.LayerNorm(o["d_model"]), nn.LayerNorm(o["d_model"])
        self.projection = nn.Linear(o["d_model"], s["c_out"])

    def forward(self, batch):
        memory = self.enc_embedding(batch["x_enc"], batch["x_mark_enc"])
        for i, layer in enumerate(self.layers):
            memory = layer(memory)
            if i < len(self.distilling):
                memory = self.distilling[i](memory)
        memory = self.enc_norm(memory)
        y = self.dec_embedding(batch["x_dec"], batch["x_mark_dec"])
        for layer in self.decoder:
            y = layer(y, memory)
        return self.projection(self.dec_norm(y))[:, -self.pred_len:]


MODELS = {
    "autoformer": Autoformer,
    "informer": Informer,
    "informer_tslib": lambda o, s: Informer(o, s, library=True),
    "itransformer": ITransformer,
}


def make_batch(shape, batch_size):
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
    """The most resident memory since it was made, where the system (Linux) tells; heap kept for later is given back first."""

    def __init__(self):
        gc.collect()
        try:
            ctypes.CDLL(None).malloc_trim(0)
            with open("/proc/self/clear_refs", "w") as out:
                out.write("5")
            self.watching = True
        except (OSError, AttributeError):
            self.watching = False

    def bytes(self):
        if not self.watching:
            return None
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))


class Workbench:
    """Keeps the model it has built last, so that a request times the work and not the set-up."""

    def __init__(self):
        self.key, self.built = None, None

    def model(self, request):
        key = json.dumps([request["model"], request["shape"], request["device"]], sort_keys=True)
        if key != self.key:
            self.key, self.built = None, None
            torch.manual_seed(0)
            name = request["model"]["name"]
            if name not in MODELS:
                raise ValueError(f"no plain PyTorch model is called {name!r}")
            model = MODELS[name](request["model"], request["shape"]).to(request["device"])
            self.key, self.built = key, (model, torch.optim.Adam(model.parameters(), lr=1e-4))
        return self.built

    def time(self, request):
        torch.set_num_threads(request["threads"])
        model, optimizer = self.model(request)
        device = torch.device(request["device"])
        batch = {name: values.to(device) for name, values in make_batch(request["shape"], request["batch_size"]).items()}
        autocast = torch.autocast(device.type, dtype=torch.bfloat16, enabled=request["dtype"] == "bf16")
        training = request["work"] == "train_step"
        model.train(training)

        def train_step():
            optimizer.zero_grad()
            with autocast:
                loss = F.mse_loss(model(batch).float(), batch["target"])
            loss.backward()
            optimizer.step()
            return loss.item()

        def inference():
            with torch.no_grad(), autocast:
                return model(batch)

        work = train_step if training else inference
        memory, seconds = PeakMemory(), []
        for _ in range(request["repeat"]):
            start = time.perf_counter()
            work()
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            seconds.append(time.perf_counter() - start)
        answer = {"seconds": seconds}
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
