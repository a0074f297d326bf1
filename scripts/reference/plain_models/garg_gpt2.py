"""GPT-2 on in-context prompts (Garg et al.) as its published code and the library under it formulate it: eager attention, the tanh GELU written out."""
import math

import torch
from torch import nn


class Conv1D(nn.Module):
    """A linear map that keeps its weight as [in, out]."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.randn(inputs, outputs) * 0.02), nn.Parameter(torch.zeros(outputs))

    def forward(self, x):
        return torch.addmm(self.bias, x.view(-1, x.shape[-1]), self.weight).view(*x.shape[:-1], -1)


class NewGELU(nn.Module):
    def forward(self, x):
        return 0.5 * x * (1.0 + torch.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * torch.pow(x, 3.0))))


class Attention(nn.Module):
    def __init__(self, width, heads, tokens):
        super().__init__()
        self.heads, self.c_attn, self.c_proj = heads, Conv1D(width, 3 * width), Conv1D(width, width)
        self.register_buffer("mask", torch.ones(tokens, tokens, dtype=torch.bool).tril().view(1, 1, tokens, tokens))

    def forward(self, x):
        q, k, v = (part.view(*x.shape[:2], self.heads, -1).transpose(1, 2) for part in self.c_attn(x).chunk(3, dim=-1))
        scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
        lowest = torch.full([], torch.finfo(scores.dtype).min, dtype=scores.dtype, device=scores.device)
        scores = torch.where(self.mask[..., : x.shape[1], : x.shape[1]], scores, lowest)
        mixed = torch.softmax(scores, dim=-1).to(v.dtype) @ v
        return self.c_proj(mixed.transpose(1, 2).contiguous().view(x.shape))


class Block(nn.Module):
    def __init__(self, width, heads, tokens):
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn = Attention(width, heads, tokens)
        self.mlp = nn.Sequential(Conv1D(width, 4 * width), NewGELU(), Conv1D(4 * width, width))

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class GargGpt2(nn.Module):
    """The value of each point of a prompt from the points before it."""

    def __init__(self, o, s):
        super().__init__()
        width, tokens = o["n_embd"], 2 * s["n_points"]
        self.read_in, self.wpe = nn.Linear(s["n_dims"], width), nn.Embedding(tokens, width)
        self.blocks = nn.ModuleList(Block(width, o["n_head"], tokens) for _ in range(o["n_layer"]))
        self.ln_f, self.read_out = nn.LayerNorm(width), nn.Linear(width, 1)

    def forward(self, batch):
        xs, ys = batch["xs"], batch["target"]
        wide = torch.cat([ys.unsqueeze(-1), torch.zeros(*ys.shape, xs.shape[-1] - 1, device=ys.device)], dim=-1)
        tokens = torch.stack([xs, wide], dim=2).view(xs.shape[0], -1, xs.shape[-1])
        x = self.read_in(tokens) + self.wpe(torch.arange(tokens.shape[1], device=xs.device))
        for block in self.blocks:
            x = block(x)
        return self.read_out(self.ln_f(x))[:, ::2, 0]


def make_batch(shape, batch_size):
    generator = torch.Generator().manual_seed(1)
    xs = torch.randn(batch_size, shape["n_points"], shape["n_dims"], generator=generator)
    w = torch.randn(batch_size, shape["n_dims"], 1, generator=generator)
    return {"xs": xs, "target": (xs @ w)[..., 0]}
