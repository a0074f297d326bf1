"""Argus3D's transformer as its released code generates with it: the whole sequence passes for every token, and what is thrown away is computed."""
import math

import torch
from torch import nn
from torch.nn import functional as F


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.key, self.query, self.value, self.proj = (nn.Linear(width, width) for _ in range(4))

    def forward(self, x, mask):
        q, k, v = (part(x).unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in (self.query, self.key, self.value))
        scores = (q @ k.transpose(-2, -1)) / math.sqrt(k.shape[-1])
        weights = F.softmax(scores.masked_fill(mask == 0, float("-inf")), dim=-1)
        return self.proj((weights @ v).transpose(1, 2).flatten(2))


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.ln1, self.ln2, self.attn = nn.LayerNorm(width), nn.LayerNorm(width), Attention(width, heads)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x, mask):
        x = x + self.attn(self.ln1(x), mask)
        return x + self.mlp(self.ln2(x))


class Argus3d(nn.Module):
    def __init__(self, o, s):
        super().__init__()
        sizes = o["stage2_model_kwargs"]
        width, self.tokens = sizes["transformer_embed_dim"], sizes["sequence_length"] - 1
        self.top_k, self.temperature = s["top_k"], s["temperature"]
        self.value_start, self.bias_value = nn.Parameter(torch.randn(1, width) * 0.02), nn.Parameter(torch.zeros(o["embedding_num"]))
        self.blocks = nn.ModuleList(Block(width, sizes["transformer_n_head"]) for _ in range(sizes["transformer_layer"]))
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.GELU(), nn.LayerNorm(width))
        self.emb, self.pos_emb = nn.Embedding(o["embedding_num"], width), nn.Embedding(sizes["position_num"] + 1, width)
        self.class_embedding = nn.Embedding(o["classes"], width)

    def logits(self, labels, ids):
        x = torch.cat([self.value_start.expand(len(ids), 1, -1), self.emb(ids)], dim=1)
        x = torch.cat([self.class_embedding(labels).unsqueeze(1), x + self.pos_emb.weight[: x.shape[1]]], dim=1)
        mask = torch.tril(torch.ones(len(ids), 1, x.shape[1], x.shape[1], device=x.device))
        for block in self.blocks:
            x = block(x, mask)
        return (self.head(x) @ self.emb.weight.t() + self.bias_value)[:, 1:-1]

    def forward(self, batch):
        labels = batch["labels"]
        ids = torch.zeros(len(labels), self.tokens, dtype=torch.long, device=labels.device)
        for i in range(self.tokens):
            logits = self.logits(labels, ids[:, : i + 1])[:, i].float() / self.temperature
            if self.top_k:
                least = logits.topk(min(self.top_k, logits.shape[-1])).values[:, -1:]
                logits = logits.masked_fill(logits < least, float("-inf"))
            ids[:, i] = torch.multinomial(F.softmax(logits, dim=-1), 1).squeeze(1)
        return ids


def make_batch(shape, batch_size):
    return {"labels": torch.arange(batch_size)}
