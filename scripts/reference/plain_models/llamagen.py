"""LlamaGen with its tokenizer's decoder, making pictures token by token as its published code formulates it: guidance by a doubled batch, keys and values in buffers of the
full length under a mask, rotations in fp32."""
import math

import torch
from torch import nn
from torch.nn import functional as F

from .var import Decoder


class RmsNorm(nn.Module):
    def __init__(self, width, eps):
        super().__init__()
        self.eps, self.weight = eps, nn.Parameter(torch.ones(width))

    def forward(self, x):
        wide = x.float()
        return (wide * torch.rsqrt((wide * wide).mean(-1, keepdim=True) + self.eps)).type_as(x) * self.weight


def rotated(x, turns):
    """x: [B, T, H, E] in pairs of neighbours; turns: [T, E / 2, 2]."""
    pairs = x.float().unflatten(-1, (-1, 2))
    cos, sin = (turns[..., i].view(1, turns.shape[0], 1, -1) for i in (0, 1))
    first, second = pairs[..., 0], pairs[..., 1]
    return torch.stack((first * cos - second * sin, second * cos + first * sin), dim=-1).flatten(3).type_as(x)


def picture_turns(o):
    side, half, before = math.isqrt(o["block_size"]), o["dim"] // o["n_head"] // 2, o["cls_token_num"]
    frequencies = o["rope_base"] ** (-torch.arange(0, half, 2)[: half // 2].float() / half)
    angles = torch.outer(torch.arange(side).float(), frequencies)
    grid = torch.cat((angles[:, None].expand(-1, side, -1), angles[None].expand(side, -1, -1)), dim=-1).flatten(0, 1)
    return torch.cat((torch.zeros(before, half, 2), torch.stack((grid.cos(), grid.sin()), dim=-1)))


class Block(nn.Module):
    def __init__(self, o):
        super().__init__()
        width, multiple = o["dim"], o["multiple_of"]
        hidden = int(int(8 * width / 3) * (o["ffn_dim_multiplier"] or 1.0))
        hidden = (hidden + multiple - 1) // multiple * multiple
        self.heads, self.groups = o["n_head"], o["n_kv_head"] or o["n_head"]
        self.head = width // self.heads
        self.wqkv = nn.Linear(width, (self.heads + 2 * self.groups) * self.head, bias=False)
        self.wo = nn.Linear(width, width, bias=False)
        self.w1, self.w3, self.w2 = nn.Linear(width, hidden, bias=False), nn.Linear(width, hidden, bias=False), nn.Linear(hidden, width, bias=False)
        self.attention_norm, self.ffn_norm = RmsNorm(width, o["norm_eps"]), RmsNorm(width, o["norm_eps"])
        self.keys = self.values = None

    def attend(self, x, turns, places, mask):
        b, t, width = x.shape
        q, k, v = self.wqkv(x).split([width, self.groups * self.head, self.groups * self.head], dim=-1)
        q, k = rotated(q.view(b, t, -1, self.head), turns), rotated(k.view(b, t, -1, self.head), turns)
        self.keys[:, :, places], self.values[:, :, places] = k.transpose(1, 2), v.view(b, t, -1, self.head).transpose(1, 2)
        keys, values = (part.repeat_interleave(self.heads // self.groups, dim=1) for part in (self.keys, self.values))
        mixed = F.scaled_dot_product_attention(q.transpose(1, 2), keys, values, attn_mask=mask)
        return self.wo(mixed.transpose(1, 2).reshape(b, t, width))

    def forward(self, x, turns, places, mask):
        x = x + self.attend(self.attention_norm(x), turns, places, mask)
        normed = self.ffn_norm(x)
        return x + self.w2(F.silu(self.w1(normed)) * self.w3(normed))


class LlamaGen(nn.Module):
    def __init__(self, o, s):
        super().__init__()
        if o["model_type"] != "c2i":
            raise ValueError("timed of classes alone")
        vae, width = o["vae"], o["dim"]
        self.o, self.cfg, self.top_k, self.temperature = o, s["cfg"], s["top_k"], s["temperature"]
        self.classes, self.codes = nn.Embedding(o["num_classes"] + 1, width), nn.Embedding(o["vocab_size"], width)
        self.blocks = nn.ModuleList(Block(o) for _ in range(o["n_layer"]))
        self.norm, self.output = RmsNorm(width, o["norm_eps"]), nn.Linear(width, o["vocab_size"], bias=False)
        self.book = nn.Embedding(vae["codebook_size"], vae["codebook_embed_dim"])
        self.to_decoder = nn.Conv2d(vae["codebook_embed_dim"], vae["z_channels"], 1)
        self.decoder = Decoder(vae | {"ch_mult": vae["decoder_ch_mult"]})
        self.turns = picture_turns(o)

    def logits(self, x, places):
        mask = self.mask[None, None, places]
        for block in self.blocks:
            x = block(x, self.turns[places], places, mask)
        return self.output(self.norm(x)).float()

    def picked(self, logits):
        if self.cfg > 1:
            with_class, without = logits[:, -1].chunk(2)
            logits = without + (with_class - without) * self.cfg
        else:
            logits = logits[:, -1]
        logits = logits / self.temperature
        if self.top_k:
            logits = logits.masked_fill(logits < logits.topk(min(self.top_k, logits.shape[-1])).values[..., -1:], -math.inf)
        return torch.multinomial(logits.softmax(-1), 1)

    def forward(self, batch):
        labels, count = batch["labels"], self.o["block_size"]
        twice = self.cfg > 1
        condition = torch.cat((labels, torch.full_like(labels, self.o["num_classes"]))) if twice else labels
        length = (count + 1 + 7) // 8 * 8
        self.mask = torch.ones(length, length, dtype=torch.bool).tril()
        for block in self.blocks:
            block.keys, block.values = (torch.zeros(len(condition), block.groups, length, block.head) for _ in range(2))
        token = self.picked(self.logits(self.classes(condition).unsqueeze(1), torch.tensor([0])))
        ids = [token]
        for place in range(1, count):
            token = self.picked(self.logits(self.codes(torch.cat((token, token)) if twice else token), torch.tensor([place])))
            ids.append(token)
        side = math.isqrt(count)
        vectors = F.normalize(self.book.weight, dim=-1)[torch.cat(ids, dim=1)].transpose(1, 2).reshape(len(labels), -1, side, side)
        return self.decoder(self.to_decoder(vectors.contiguous()))


def make_batch(_, batch_size):
    return {"labels": torch.arange(batch_size)}
