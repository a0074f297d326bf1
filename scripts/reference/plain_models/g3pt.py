"""The generator of G3PT as its description reads: cosine attention over the scales so far, whose keys and values are kept; the tokenizer's answers are zeros."""
import math

import torch
from torch import nn
from torch.nn import functional as F


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads, self.ln_1, self.ln_2 = heads, nn.LayerNorm(width), nn.LayerNorm(width)
        self.c_attn, self.c_proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.scale = nn.Parameter(torch.full((heads, 1, 1), math.log(4.0)))

    def forward(self, x, cache):
        q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in self.c_attn(self.ln_1(x)).chunk(3, dim=-1))
        q, k = F.normalize(q, dim=-1) * self.scale.clamp(max=math.log(100.0)).exp(), F.normalize(k, dim=-1)
        if cache:
            k, v = torch.cat([cache[0], k], dim=2), torch.cat([cache[1], v], dim=2)
        cache[:] = [k, v]
        attended = F.softmax(q @ k.transpose(-2, -1), dim=-1) @ v
        x = x + self.c_proj(attended.transpose(1, 2).flatten(2))
        return x + self.mlp(self.ln_2(x))


class G3pt(nn.Module):
    def __init__(self, o, s):
        super().__init__()
        width, self.o, self.s = o["gen_width"], o, s
        self.start, self.pos = nn.Parameter(torch.randn(o["scales"][0], width) * 0.02), nn.Parameter(torch.randn(sum(o["scales"]), width) * 0.02)
        self.cond_proj, self.word_embed = nn.Linear(o["cond_dim"], width), nn.Linear(o["width"], width)
        self.level, self.null = nn.Embedding(len(o["scales"]), width), nn.Parameter(torch.randn(1, o["cond_dim"]) * 0.02)
        self.blocks = nn.ModuleList(Block(width, o["gen_heads"]) for _ in range(o["gen_layers"]))
        self.ln_f, self.head = nn.LayerNorm(width), nn.Linear(width, o["codes"])

    def run(self, x, caches):
        for block, cache in zip(self.blocks, caches):
            x = block(x, cache)
        return self.ln_f(x)

    def forward(self, batch):
        condition, caches, ids, first = batch["condition"], [[] for _ in self.blocks], [], 0
        count, guided = len(condition), self.s["cfg"] != 1
        if guided:
            condition = torch.cat([condition, self.null.expand_as(condition)])
        self.run(self.cond_proj(condition), caches)
        for k, tokens in enumerate(self.o["scales"]):
            given = self.start if k == 0 else self.word_embed(torch.zeros(len(condition), tokens, self.o["width"], device=condition.device, dtype=self.start.dtype))
            x = given + self.pos[first : first + tokens] + self.level.weight[k]
            logits = self.head(self.run(x.expand(len(condition), -1, -1), caches)).float()
            if guided:
                logits = logits[count:] + self.s["cfg"] * (logits[:count] - logits[count:])
            logits = logits / self.s["temperature"]
            if self.s["top_k"]:
                least = logits.topk(min(self.s["top_k"], logits.shape[-1])).values[..., -1:]
                logits = logits.masked_fill(logits < least, float("-inf"))
            ids.append(torch.multinomial(F.softmax(logits, dim=-1).flatten(0, 1), 1).view(count, tokens))
            first += tokens
        return torch.cat(ids, dim=1)


def make_batch(shape, batch_size):
    return {"condition": F.one_hot(torch.arange(batch_size) % shape["cond_dim"], shape["cond_dim"]).float().unsqueeze(1)}
