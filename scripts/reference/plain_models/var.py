"""VAR with its tokenizer's decoder, drawing pictures as its published code formulates it: guidance by a doubled batch, modulations computed
anew for each block and scale, keys and values that grow by concatenation."""
import math

import torch
from torch import nn
from torch.nn import functional as F


def group_norm(channels):
    return nn.GroupNorm(32, channels, eps=1e-6)


class ResBlock(nn.Module):
    def __init__(self, before, after):
        super().__init__()
        self.norm1, self.conv1 = group_norm(before), nn.Conv2d(before, after, 3, padding=1)
        self.norm2, self.conv2 = group_norm(after), nn.Conv2d(after, after, 3, padding=1)
        self.shortcut = nn.Identity() if before == after else nn.Conv2d(before, after, 1)

    def forward(self, x):
        h = self.conv1(F.silu(self.norm1(x)))
        return self.shortcut(x) + self.conv2(F.silu(self.norm2(h)))


class ImageAttention(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.norm, self.qkv, self.out = group_norm(channels), nn.Conv2d(channels, 3 * channels, 1), nn.Conv2d(channels, channels, 1)

    def forward(self, x):
        b, c, h, w = x.shape
        q, k, v = self.qkv(self.norm(x)).flatten(2).chunk(3, dim=1)
        weights = torch.softmax(torch.bmm(q.transpose(1, 2), k) * c ** -0.5, dim=2)
        return x + self.out(torch.bmm(v, weights.transpose(1, 2)).view(b, c, h, w))


class Upsample(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x):
        return self.conv(F.interpolate(x, scale_factor=2, mode="nearest"))


class Decoder(nn.Module):
    """From features to pixels; attention in the middle and, where it `attends`, at the lowest resolution."""

    def __init__(self, o, attends=True):
        super().__init__()
        widths = [o["ch"] * m for m in o["ch_mult"]]
        channels = widths[-1]
        layers = [nn.Conv2d(o["z_channels"], channels, 3, padding=1),
                  ResBlock(channels, channels), ImageAttention(channels), ResBlock(channels, channels)]
        for level in reversed(range(len(widths))):
            for _ in range(o["num_res_blocks"] + 1):
                layers.append(ResBlock(channels, widths[level]))
                channels = widths[level]
                if attends and level == len(widths) - 1:
                    layers.append(ImageAttention(channels))
            if level > 0:
                layers.append(Upsample(channels))
        layers += [group_norm(channels), nn.SiLU(), nn.Conv2d(channels, 3, 3, padding=1)]
        self.layers = nn.Sequential(*layers)

    def forward(self, x):
        return self.layers(x)


class Block(nn.Module):
    def __init__(self, o):
        super().__init__()
        width, hidden = o["embed_dim"], round(o["embed_dim"] * o["mlp_ratio"])
        self.heads, self.eps, self.cosine = o["num_heads"], o["norm_eps"], o["attn_l2_norm"]
        self.modulation = nn.Sequential(nn.SiLU(), nn.Linear(width, 6 * width))
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.scale = nn.Parameter(torch.full((1, self.heads, 1, 1), math.log(4.0)))
        self.fc1, self.fc2 = nn.Linear(width, hidden), nn.Linear(hidden, width)
        self.cache = None

    def attend(self, x):
        b, length, width = x.shape
        q, k, v = self.qkv(x).view(b, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        if self.cosine:
            q = F.normalize(q, dim=-1) * self.scale.clamp(max=math.log(100)).exp()
            k = F.normalize(k, dim=-1)
        if self.cache is not None:
            k, v = torch.cat((self.cache[0], k), 2), torch.cat((self.cache[1], v), 2)
        self.cache = (k, v)
        factor = 1.0 if self.cosine else 0.25 / math.sqrt(q.shape[-1])
        mixed = F.scaled_dot_product_attention(q.to(v.dtype), k.to(v.dtype), v, scale=factor)
        return self.out(mixed.transpose(1, 2).reshape(b, length, width))

    def forward(self, x, condition):
        gamma1, gamma2, scale1, scale2, shift1, shift2 = self.modulation(condition).view(len(x), 1, 6, -1).unbind(2)
        normed = F.layer_norm(x, x.shape[-1:], eps=self.eps)
        x = x + self.attend(normed * (1 + scale1) + shift1) * gamma1
        normed = F.layer_norm(x, x.shape[-1:], eps=self.eps)
        return x + self.fc2(F.gelu(self.fc1(normed * (1 + scale2) + shift2), approximate="tanh")) * gamma2


class Var(nn.Module):
    def __init__(self, o, s):
        super().__init__()
        vae, width = o["vae"], o["embed_dim"]
        self.sides, self.cfg, self.top_k, self.top_p, self.eps = o["patch_nums"], s["cfg"], s["top_k"], s["top_p"], o["norm_eps"]
        self.classes = nn.Embedding(o["num_classes"] + 1, width)
        self.start = nn.Parameter(torch.randn(1, self.sides[0] ** 2, width) * 0.02)
        self.places = nn.Parameter(torch.randn(1, sum(p * p for p in self.sides), width) * 0.02)
        self.levels = nn.Embedding(len(self.sides), width)
        self.words = nn.Linear(vae["z_channels"], width)
        self.blocks = nn.ModuleList(Block(o) for _ in range(o["depth"]))
        self.head_modulation, self.head = nn.Sequential(nn.SiLU(), nn.Linear(width, 2 * width)), nn.Linear(width, vae["vocab_size"])
        self.codes = nn.Embedding(vae["vocab_size"], vae["z_channels"])
        self.phis = nn.ModuleList(nn.Conv2d(vae["z_channels"], vae["z_channels"], 3, padding=1) for _ in range(4))
        self.mix = vae["quant_resi"]
        self.to_decoder = nn.Conv2d(vae["z_channels"], vae["z_channels"], vae["quant_conv_ks"], padding=vae["quant_conv_ks"] // 2)
        self.decoder = Decoder(vae)

    def drawn(self, logits):
        if self.top_k:
            least = logits.topk(min(self.top_k, logits.shape[-1]), sorted=False).values.amin(-1, keepdim=True)
            logits = logits.masked_fill(logits < least, -math.inf)
        if self.top_p:
            ordered, places = logits.sort(dim=-1, descending=False)
            unlikely = ordered.softmax(-1).cumsum(-1) <= 1 - self.top_p
            unlikely[..., -1] = False
            logits = logits.masked_fill(unlikely.scatter(-1, places, unlikely), -math.inf)
        return torch.multinomial(logits.softmax(-1).flatten(0, 1), 1).view(logits.shape[:2])

    def added(self, total, codes, k):
        side, last = self.sides[k], len(self.sides) - 1
        maps = codes.transpose(1, 2).reshape(len(codes), -1, side, side)
        if k < last:
            maps = F.interpolate(maps, size=total.shape[-2:], mode="bicubic")
        phi = self.phis[min(k * 4 // len(self.sides), 3)]
        return total + maps * (1 - self.mix) + phi(maps) * self.mix

    def forward(self, batch):
        labels, edge = batch["labels"], self.sides[-1]
        count = len(labels)
        condition = self.classes(torch.cat((labels, torch.full_like(labels, self.classes.num_embeddings - 1))))
        x, first = condition.unsqueeze(1) + self.start, 0
        total = torch.zeros(count, self.codes.embedding_dim, edge, edge, device=labels.device)
        for block in self.blocks:
            block.cache = None
        for k, side in enumerate(self.sides):
            tokens = x + self.levels.weight[k] + self.places[:, first:first + side * side]
            first += side * side
            for block in self.blocks:
                tokens = block(tokens, condition)
            with torch.autocast(labels.device.type, enabled=False):
                scale, shift = self.head_modulation(condition.float()).view(2 * count, 1, 2, -1).unbind(2)
                normed = F.layer_norm(tokens.float(), tokens.shape[-1:], eps=self.eps)
                logits = self.head(normed * (1 + scale) + shift)
            t = self.cfg * k / (len(self.sides) - 1)
            ids = self.drawn((1 + t) * logits[:count] - t * logits[count:])
            total = self.added(total, self.codes(ids), k)
            if k + 1 < len(self.sides):
                following = F.interpolate(total, size=(self.sides[k + 1],) * 2, mode="area")
                x = self.words(following.flatten(2).transpose(1, 2)).repeat(2, 1, 1)
        for block in self.blocks:
            block.cache = None
        return self.decoder(self.to_decoder(total)).clamp(-1, 1)


def make_batch(_, batch_size):
    return {"labels": torch.arange(batch_size)}
