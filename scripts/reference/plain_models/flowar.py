"""FlowAR (Ren et al., ICML 2025) in plain PyTorch: scale-wise autoregression whose scales are drawn along a flow."""
import torch
from torch import nn
from torch.nn import functional as F

from .layers import time_sinusoids
from .var import Decoder


def rms(x, eps=1e-6):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps)


class RmsNorm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x):
        return rms(x.float()).type_as(x) * self.weight


def turned(x, sides):
    """x: [B, H, L, E], the grids of `sides` one behind the other: pairs of neighbours turn by row and column."""
    width = x.shape[-1]
    frequencies = 1.0 / 10000 ** (torch.arange(0, width // 2, 2, device=x.device).float() / (width // 2))
    angles = []
    for side in sides:
        places = torch.arange(side, device=x.device).float() / side * 16
        turns = (places[:, None] * frequencies).repeat_interleave(2, dim=-1)
        grid = torch.cat([turns[:, None].expand(side, side, -1), turns[None].expand(side, side, -1)], dim=-1)
        angles.append(grid.reshape(side * side, -1))
    angles = torch.cat(angles)
    pairs = x.unflatten(-1, (-1, 2))
    swapped = torch.stack([-pairs[..., 1], pairs[..., 0]], dim=-1).flatten(-2)
    return (x * angles.cos() + swapped * angles.sin()).to(x.dtype)


def heads(x, count):
    return x.unflatten(-1, (count, -1)).transpose(1, 2)


class Attention(nn.Module):
    def __init__(self, width, count, bias):
        super().__init__()
        self.count = count
        self.qkv, self.proj = nn.Linear(width, 3 * width, bias=bias), nn.Linear(width, width)
        self.cache = None

    def forward(self, x, sides, mask=None):
        q, k, v = (heads(part, self.count) for part in self.qkv(x).chunk(3, dim=-1))
        q, k = turned(q, sides), turned(k, sides)
        if self.cache is not None:
            if self.cache:
                k, v = torch.cat([self.cache[0], k], dim=2), torch.cat([self.cache[1], v], dim=2)
            self.cache = (k, v)
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.proj(mixed.transpose(1, 2).flatten(2))


class CrossAttention(nn.Module):
    def __init__(self, width, condition, count):
        super().__init__()
        self.count = count
        self.q, self.kv = nn.Linear(width, width, bias=False), nn.Linear(condition, 2 * width, bias=False)
        self.proj = nn.Linear(width, width)

    def forward(self, x, z, sides):
        k, v = (heads(part, self.count) for part in self.kv(z).chunk(2, dim=-1))
        q = turned(heads(self.q(x), self.count), sides)
        return self.proj(F.scaled_dot_product_attention(q, turned(k, sides), v).transpose(1, 2).flatten(2))


class Mlp(nn.Module):
    def __init__(self, width, ratio):
        super().__init__()
        hidden = int(width * ratio * 2 / 3)
        self.fc1_g, self.fc1_x, self.fc2 = nn.Linear(width, hidden), nn.Linear(width, hidden), nn.Linear(hidden, width)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1_g(x)) * self.fc1_x(x))


class Block(nn.Module):
    """A block of the transformer, modulated by the class."""

    def __init__(self, width, count, ratio):
        super().__init__()
        self.attn, self.mlp = Attention(width, count, True), Mlp(width, ratio)
        self.ada_lin = nn.Sequential(nn.SiLU(), nn.Linear(width, 6 * width))

    def forward(self, x, classes, sides, mask=None):
        g1, g2, s1, s2, b1, b2 = self.ada_lin(classes).unsqueeze(1).chunk(6, dim=-1)
        x = x + g1 * self.attn(rms(x) * (1 + s1) + b1, sides, mask)
        return x + g2 * self.mlp(rms(x) * (1 + s2) + b2)


class FlowBlock(nn.Module):
    def __init__(self, o):
        super().__init__()
        width = o["diffloss_w"]
        self.cross = o["cross"]
        self.attn, self.mlp = Attention(width, width // 64, False), Mlp(width, o["mlp_ratio"])
        if self.cross:
            self.ada_lin_attn, self.ada_lin_mlp = nn.Linear(width, 3 * width), nn.Linear(width, 3 * width)
            self.norm2_1, self.norm2_2 = RmsNorm(width), RmsNorm(o["encoder_embed_dim"])
            self.crossattn = CrossAttention(width, o["encoder_embed_dim"], width // 64)
        else:
            self.ada_lin = nn.Linear(width, 6 * width)

    def forward(self, x, time, condition, z, sides):
        if self.cross:
            g1, s1, b1 = self.ada_lin_attn(F.silu(time)).chunk(3, dim=-1)
            g2, s2, b2 = self.ada_lin_mlp(F.silu(condition + time)).chunk(3, dim=-1)
        else:
            g1, g2, s1, s2, b1, b2 = self.ada_lin(F.silu(condition + time)).chunk(6, dim=-1)
        x = x + g1 * self.attn(rms(x) * (1 + s1) + b1, sides)
        if self.cross:
            x = x + self.crossattn(self.norm2_1(x), self.norm2_2(z), sides)
        return x + g2 * self.mlp(rms(x) * (1 + s2) + b2)


class FlowNet(nn.Module):
    def __init__(self, o):
        super().__init__()
        width, channels = o["diffloss_w"], o["vae"]["embed_dim"]
        self.time = nn.Sequential(nn.Linear(256, width), nn.SiLU(), nn.Linear(width, width))
        self.cond_embed, self.input_proj = nn.Linear(o["encoder_embed_dim"], width), nn.Linear(channels, width)
        self.blocks = nn.ModuleList(FlowBlock(o) for _ in range(o["diffloss_d"]))
        self.modulation, self.linear = nn.Linear(width, 2 * width), nn.Linear(width, channels)

    def forward(self, x, t, z, side):
        time = self.time(time_sinusoids((t * 1000).long())).unsqueeze(1)
        x, condition = self.input_proj(x), self.cond_embed(z)
        for block in self.blocks:
            x = block(x, time, condition, z, [side])
        shift, scale = self.modulation(F.silu(condition + time)).chunk(2, dim=-1)
        return self.linear(rms(x) * (1 + scale) + shift)


class FlowAr(nn.Module):
    """In training the velocities of all scales; else pictures."""

    def __init__(self, options, shape):
        super().__init__()
        o = options
        self.sides, self.channels, self.null = o["scale"], o["vae"]["embed_dim"], o["class_num"]
        self.shape = {"steps": 25, "cfg": 4.3, "guidance": 0.9, **shape}
        width, tokens = o["encoder_embed_dim"], sum(side * side for side in o["scale"])
        self.class_emb, self.z_proj = nn.Embedding(self.null + 1, width), nn.Linear(self.channels, width)
        for name in ("encoder_pos", "decoder_pos", "diffusion_pos"):
            setattr(self, name, nn.Parameter(torch.randn(1, tokens, width) * 0.02))
        self.z_proj_ln, self.encoder_norm, self.decoder_norm = RmsNorm(width), RmsNorm(width), RmsNorm(width)
        self.encoder = nn.ModuleList(Block(width, o["encoder_num_heads"], o["mlp_ratio"]) for _ in range(o["encoder_depth"]))
        self.decoder = nn.ModuleList(Block(width, o["decoder_num_heads"], o["mlp_ratio"]) for _ in range(o["decoder_depth"]))
        self.to_decoder = nn.Conv2d(self.channels, self.channels, 1)
        self.decoder_half = Decoder({**o["vae"], "z_channels": self.channels}, attends=False)
        self.decoder_embed, self.flow = nn.Linear(width, width), FlowNet(o)
        level = torch.cat([torch.full((side * side,), k) for k, side in enumerate(o["scale"])])
        self.register_buffer("mask", torch.zeros(tokens, tokens).masked_fill(level[:, None] < level[None], float("-inf")))

    def transform(self, x, classes, sides, first, mask=None):
        places = slice(first, first + x.shape[1])
        x = self.z_proj_ln(x + self.encoder_pos[:, places])
        for block in self.encoder:
            x = block(x, classes, sides, mask)
        x = self.decoder_embed(self.encoder_norm(x)) + self.decoder_pos[:, places]
        for block in self.decoder:
            x = block(x, classes, sides, mask)
        return self.decoder_norm(x) + self.diffusion_pos[:, places]

    def next_input(self, tokens, k):
        side, whole = self.sides[k], self.sides[-1]
        large = F.interpolate(tokens.transpose(1, 2).unflatten(2, (side, side)), size=(whole, whole), mode="bicubic")
        small = F.interpolate(large, size=(self.sides[k + 1],) * 2, mode="area")
        return small.flatten(2).transpose(1, 2)

    def velocities(self, batch):
        latents = batch["latents"]
        targets = [F.interpolate(latents, size=(s, s), mode="area").flatten(2).transpose(1, 2) for s in self.sides]
        classes = self.class_emb(batch["labels"])
        inputs = [classes.unsqueeze(1)] + [self.z_proj(self.next_input(x, k)) for k, x in enumerate(targets[:-1])]
        z = self.transform(torch.cat(inputs, dim=1), classes, self.sides, 0, self.mask)
        answers, first = [], 0
        for k, x in enumerate(targets):
            tokens = slice(first, first + x.shape[1])
            t = torch.rand(x.shape[0])
            noisy = (1 - t)[:, None, None] * x + t[:, None, None] * batch["noise"][:, tokens]
            answers.append(self.flow(noisy, t, z[:, tokens], self.sides[k]))
            first += x.shape[1]
        return torch.cat(answers, dim=1)

    def scale_flow(self, z, side, cfg):
        rows, steps = z.shape[0] // 2, self.shape["steps"]
        times = torch.linspace(1, 0, steps + 1, dtype=torch.float64) if steps == 50 else torch.cat(
            [torch.linspace(1, 0.3, steps // 2, dtype=torch.float64), torch.linspace(0.25, 0, steps // 2 + 1, dtype=torch.float64)])
        x = torch.randn(2 * rows, side * side, self.channels, dtype=torch.float64)
        for t, following in zip(times[:-1], times[1:]):
            guided = cfg > 1 and t <= self.shape["guidance"]
            seen = torch.cat([x[:rows], x[:rows]]) if guided else x
            v = self.flow(seen.float(), t.float().expand(2 * rows), z, side).double()
            if guided:
                v = (v[rows:] + cfg * (v[:rows] - v[rows:])).repeat(2, 1, 1)
            x = x + (following - t) * v
        return x.float()

    def draw(self, labels):
        for block in [*self.encoder, *self.decoder]:
            block.attn.cache = ()
        classes = self.class_emb(torch.cat([labels, torch.full_like(labels, self.null)]))
        seen, first = classes.unsqueeze(1), 0
        for k, side in enumerate(self.sides):
            z = self.transform(seen, classes, [side], first)
            tokens = self.scale_flow(z, side, 1 + (self.shape["cfg"] - 1) * k / (len(self.sides) - 1))[:labels.shape[0]]
            first += side * side
            if k + 1 < len(self.sides):
                seen = self.z_proj(self.next_input(tokens, k)).repeat(2, 1, 1)
        for block in [*self.encoder, *self.decoder]:
            block.attn.cache = None
        maps = tokens.transpose(1, 2).unflatten(2, (self.sides[-1],) * 2)
        return self.decoder_half(self.to_decoder(maps / 0.2325)).clamp(-1, 1)

    def forward(self, batch):
        return self.velocities(batch) if self.training else self.draw(batch["labels"])


def make_batch(shape, batch_size):
    return {"labels": torch.arange(batch_size)}
