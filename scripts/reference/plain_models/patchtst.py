import torch
from torch import nn
from torch.nn import functional as F


class BatchNorm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm = nn.BatchNorm1d(width)

    def forward(self, x):
        return self.norm(x.transpose(1, 2)).transpose(1, 2)


class Layer(nn.Module):
    def __init__(self, o):
        super().__init__()
        width, self.heads = o["d_model"], o["n_heads"]
        inner = width // self.heads * self.heads
        self.scale = (width // self.heads) ** -0.5
        self.query, self.key, self.value = (nn.Linear(width, inner) for _ in range(3))
        self.out = nn.Linear(inner, width)
        self.linear1, self.linear2 = nn.Linear(width, o["d_ff"]), nn.Linear(o["d_ff"], width)
        self.norm1, self.norm2 = BatchNorm(width), BatchNorm(width)
        self.dropout = nn.Dropout(o["dropout"])

    def forward(self, x, before):
        def heads(y):
            return y.view(y.shape[0], y.shape[1], self.heads, -1).transpose(1, 2)

        scores = torch.matmul(heads(self.query(x)), heads(self.key(x)).transpose(-1, -2)) * self.scale
        if before is not None:
            scores = scores + before
        mixed = torch.matmul(F.softmax(scores, dim=-1), heads(self.value(x)))
        mixed = self.dropout(self.out(mixed.transpose(1, 2).reshape(x.shape[0], x.shape[1], -1)))
        x = self.norm1(x + self.dropout(mixed))
        y = self.linear2(self.dropout(F.gelu(self.linear1(x))))
        return self.norm2(x + self.dropout(y)), scores


class PatchTst(nn.Module):
    """The form with RevIN by the mean, without affine weights, decomposition or a head per variate."""

    def __init__(self, o, s):
        super().__init__()
        if not o["revin"] or o["affine"] or o["subtract_last"] or o["decomposition"] or o["individual"]:
            raise ValueError("only the plain form with revin is here")
        self.patch, self.stride, self.pad = o["patch_len"], o["stride"], o["padding_patch"] == "end"
        patches = (s["seq_len"] - self.patch) // self.stride + (2 if self.pad else 1)
        self.project = nn.Linear(self.patch, o["d_model"])
        self.positions = nn.Parameter(torch.empty(patches, o["d_model"]).uniform_(-0.02, 0.02))
        self.layers = nn.ModuleList(Layer(o) for _ in range(o["e_layers"]))
        self.head = nn.Linear(o["d_model"] * patches, s["pred_len"])
        self.dropout, self.head_dropout = nn.Dropout(o["dropout"]), nn.Dropout(o["head_dropout"])
        self.padding = nn.ReplicationPad1d((0, self.stride))

    def forward(self, batch):
        x = batch["x_enc"]
        mean = x.mean(1, keepdim=True).detach()
        std = torch.sqrt(torch.var(x, dim=1, keepdim=True, unbiased=False) + 1e-5).detach()
        series = ((x - mean) / std).permute(0, 2, 1)
        if self.pad:
            series = self.padding(series)
        patches = series.unfold(-1, self.patch, self.stride)
        size, variates = patches.shape[:2]
        tokens = self.project(patches).reshape(size * variates, patches.shape[2], -1)
        tokens, scores = self.dropout(tokens + self.positions), None
        for layer in self.layers:
            tokens, scores = layer(tokens, scores)
        tokens = tokens.reshape(size, variates, tokens.shape[1], -1).permute(0, 1, 3, 2)
        out = self.head_dropout(self.head(tokens.flatten(-2))).permute(0, 2, 1)
        return out * std + mean
