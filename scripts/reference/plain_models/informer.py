import math

import torch
from torch import nn
from torch.nn import functional as F

from .layers import AttentionLayer, EncoderLayer, FullAttention, TokenEmbedding


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
