"""Time-MoE as its published code formulates it: eager attention, a mask over all tokens for each expert, a cache that grows by concatenation."""
import math

import torch
from torch import nn
from torch.nn import functional as F


class RMSNorm(nn.Module):
    def __init__(self, width, eps):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(width)), eps

    def forward(self, x):
        wide = x.float()
        return self.weight * (wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + self.eps)).to(x.dtype)


class GatedMLP(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.gate, self.up = nn.Linear(width, hidden, bias=False), nn.Linear(width, hidden, bias=False)
        self.down = nn.Linear(hidden, width, bias=False)

    def forward(self, x):
        return self.down(F.silu(self.gate(x)) * self.up(x))


class SparseExperts(nn.Module):
    def __init__(self, o):
        super().__init__()
        width, self.top_k = o["hidden_size"], o["num_experts_per_tok"]
        self.router = nn.Linear(width, o["num_experts"], bias=False)
        self.experts = nn.ModuleList(
            GatedMLP(width, o["intermediate_size"] // self.top_k) for _ in range(o["num_experts"]))
        self.shared, self.shared_gate = GatedMLP(width, o["intermediate_size"]), nn.Linear(width, 1, bias=False)

    def forward(self, x):
        tokens = x.reshape(-1, x.shape[-1])
        weights, chosen = torch.topk(F.softmax(self.router(tokens), dim=1, dtype=torch.float), self.top_k, dim=-1)
        weights = weights.to(tokens.dtype)
        out = torch.zeros_like(tokens)
        sent_to = F.one_hot(chosen, len(self.experts)).permute(2, 1, 0)
        for expert, sent in zip(self.experts, sent_to):
            choice, index = torch.where(sent)
            out.index_add_(0, index, (expert(tokens[index]) * weights[index, choice, None]).to(out.dtype))
        shared = self.shared(tokens)
        return (out + torch.sigmoid(self.shared_gate(tokens)) * shared).view_as(x)


class Attention(nn.Module):
    def __init__(self, o):
        super().__init__()
        width, self.heads = o["hidden_size"], o["num_attention_heads"]
        self.shared_heads = o.get("num_key_value_heads") or self.heads
        self.size, self.theta = width // self.heads, o["rope_theta"]
        self.q = nn.Linear(width, width)
        self.k, self.v = (nn.Linear(width, self.shared_heads * self.size) for _ in range(2))
        self.out = nn.Linear(width, width, bias=False)

    def turned(self, x, positions):
        frequencies = 1.0 / self.theta ** (torch.arange(0, self.size, 2, device=x.device).float() / self.size)
        angles = torch.cat([positions[:, None].float() * frequencies] * 2, dim=-1)
        low, high = x.chunk(2, dim=-1)
        return x * angles.cos().to(x.dtype) + torch.cat([-high, low], dim=-1) * angles.sin().to(x.dtype)

    def forward(self, x, cache):
        past = 0 if cache is None else cache[0].shape[2]
        positions = torch.arange(past, past + x.shape[1], device=x.device)

        def heads(values, count):
            return values.view(x.shape[0], x.shape[1], count, self.size).transpose(1, 2)

        q = self.turned(heads(self.q(x), self.heads), positions)
        k, v = self.turned(heads(self.k(x), self.shared_heads), positions), heads(self.v(x), self.shared_heads)
        if cache is not None:
            k, v = torch.cat([cache[0], k], dim=2), torch.cat([cache[1], v], dim=2)
        cache = (k, v)
        group = self.heads // self.shared_heads
        k, v = k.repeat_interleave(group, dim=1), v.repeat_interleave(group, dim=1)
        scores = q @ k.transpose(2, 3) / math.sqrt(self.size)
        mask = torch.full(scores.shape[-2:], torch.finfo(scores.dtype).min, dtype=scores.dtype, device=x.device)
        probabilities = F.softmax(scores + mask.triu(past + 1), dim=-1, dtype=torch.float32).to(q.dtype)
        return self.out((probabilities @ v).transpose(1, 2).reshape(x.shape)), cache


class Layer(nn.Module):
    def __init__(self, o):
        super().__init__()
        width, eps = o["hidden_size"], o["rms_norm_eps"]
        self.norm1, self.norm2 = RMSNorm(width, eps), RMSNorm(width, eps)
        self.attention = Attention(o)
        self.feed_forward = GatedMLP(width, o["intermediate_size"]) if o["use_dense"] else SparseExperts(o)

    def forward(self, x, cache):
        mixed, cache = self.attention(self.norm1(x), cache)
        x = x + mixed
        return x + self.feed_forward(self.norm2(x)), cache


class TimeMoe(nn.Module):
    """Forecasts pred_len steps by the greedy schedule of horizons."""

    def __init__(self, o, s):
        super().__init__()
        width = o["hidden_size"]
        self.pred_len, self.horizons = s["pred_len"], o["horizon_lengths"]
        self.embedding, self.gate = nn.Linear(1, width, bias=False), nn.Linear(1, width, bias=False)
        self.layers = nn.ModuleList(Layer(o) for _ in range(o["num_hidden_layers"]))
        self.norm = RMSNorm(width, o["rms_norm_eps"])
        self.heads = nn.ModuleList(nn.Linear(width, h, bias=False) for h in self.horizons)

    def states(self, values, caches):
        points = values.unsqueeze(-1)
        x, kept = F.silu(self.gate(points)) * self.embedding(points), []
        for layer, cache in zip(self.layers, caches):
            x, cache = layer(x, cache)
            kept.append(cache)
        return self.norm(x), kept

    def forward(self, batch):
        x = batch["x_enc"]
        block = x.transpose(1, 2).reshape(-1, x.shape[1])
        caches, blocks, left = [None] * len(self.layers), [], self.pred_len
        while left > 0:
            hidden, caches = self.states(block, caches)
            head = max((i for i, h in enumerate(self.horizons) if h <= left), default=0)
            block = self.heads[head](hidden)[:, -1, :left]
            blocks.append(block)
            left -= block.shape[1]
        return torch.cat(blocks, dim=1).view(x.shape[0], x.shape[2], -1).transpose(1, 2)
