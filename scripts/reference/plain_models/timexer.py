import math

import torch
from torch import nn
from torch.nn import functional as F

from .layers import AttentionLayer, FullAttention


class Layer(nn.Module):
    def __init__(self, o):
        super().__init__()
        width = o["d_model"]
        self.own, self.cross = (AttentionLayer(FullAttention(o["dropout"]), width, o["n_heads"]) for _ in range(2))
        self.conv1, self.conv2 = nn.Conv1d(width, o["d_ff"], 1), nn.Conv1d(o["d_ff"], width, 1)
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(width) for _ in range(3))
        self.dropout = nn.Dropout(o["dropout"])
        self.activation = F.relu if o["activation"] == "relu" else F.gelu

    def forward(self, x, exogenous):
        x = self.norm1(x + self.dropout(self.own(x, x, x)))
        last = x[:, -1:, :]
        seen = last.reshape(exogenous.shape[0], -1, x.shape[-1])
        seen = self.dropout(self.cross(seen, exogenous, exogenous))
        last = self.norm2(last + seen.reshape(x.shape[0], 1, -1))
        x = torch.cat([x[:, :-1, :], last], 1)
        y = self.dropout(self.activation(self.conv1(x.transpose(-1, 1))))
        return self.norm3(x + self.dropout(self.conv2(y).transpose(-1, 1)))


class TimeXer(nn.Module):
    def __init__(self, o, s):
        super().__init__()
        self.use_norm, self.patch, self.targets = o["use_norm"], o["patch_len"], s["c_out"]
        width, patches = o["d_model"], s["seq_len"] // o["patch_len"]
        self.value = nn.Linear(self.patch, width, bias=False)
        self.token = nn.Parameter(torch.randn(1, self.targets, 1, width))
        angles = torch.arange(5000).unsqueeze(1) * torch.exp(torch.arange(0, width, 2) * (-math.log(10000) / width))
        self.register_buffer("table", torch.stack([angles.sin(), angles.cos()], 2).flatten(1))
        self.exogenous = nn.Linear(s["seq_len"], width)
        self.dropout = nn.Dropout(o["dropout"])
        self.layers = nn.ModuleList(Layer(o) for _ in range(o["e_layers"]))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width * (patches + 1), s["pred_len"])

    def forward(self, batch):
        x, marks = batch["x_enc"], batch["x_mark_enc"]
        size, others = x.shape[0], x.shape[-1] - self.targets
        if self.use_norm:
            mean = x.mean(1, keepdim=True).detach()
            x = x - mean
            std = torch.sqrt(torch.var(x, dim=1, keepdim=True, unbiased=False) + 1e-5)
            x = x / std
        series = x.permute(0, 2, 1)
        patches = series[:, others:, :].unfold(-1, self.patch, self.patch)
        patches = patches.reshape(size * self.targets, patches.shape[2], self.patch)
        patches = self.value(patches) + self.table[:patches.shape[1]]
        patches = patches.reshape(size, self.targets, patches.shape[1], -1)
        tokens = torch.cat([patches, self.token.repeat(size, 1, 1, 1)], 2)
        tokens = self.dropout(tokens.reshape(size * self.targets, tokens.shape[2], -1))
        seen = series if others == 0 else series[:, :others, :]
        exogenous = self.dropout(self.exogenous(torch.cat([seen, marks.permute(0, 2, 1)], 1)))
        for layer in self.layers:
            tokens = layer(tokens, exogenous)
        tokens = self.norm(tokens).reshape(size, self.targets, tokens.shape[1], -1)
        out = self.dropout(self.head(tokens.permute(0, 1, 3, 2).flatten(-2))).permute(0, 2, 1)
        if self.use_norm:
            out = out * std[:, :, others:] + mean[:, :, others:]
        return out
