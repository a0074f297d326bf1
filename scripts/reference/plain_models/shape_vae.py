"""The shape VAE of MAR-3D as its published code formulates it: heads grouped in the fused maps, keys and values made anew for every chunk of points."""
import torch
from torch import nn
from torch.nn import functional as F


def embed(points, frequencies):
    angles = (points.unsqueeze(-1) * frequencies).flatten(-2)
    return torch.cat([points, angles.sin(), angles.cos()], dim=-1)


class Mlp(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.c_fc, self.c_proj = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        return self.c_proj(F.gelu(self.c_fc(x)))


def attend(q, k, v):
    """Each [B, N, heads, width of a head]; the softmax in fp32."""
    scale = q.shape[-1] ** -0.25
    scores = torch.einsum("bthc,bshc->bhts", q * scale, k * scale)
    return torch.einsum("bhts,bshc->bthc", torch.softmax(scores.float(), dim=-1).to(v.dtype), v).flatten(2)


class SelfBlock(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads, self.ln_1, self.ln_2, self.mlp = heads, nn.LayerNorm(width), nn.LayerNorm(width), Mlp(width)
        self.c_qkv, self.c_proj = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x):
        q, k, v = self.c_qkv(self.ln_1(x)).unflatten(-1, (self.heads, -1)).chunk(3, dim=-1)
        x = x + self.c_proj(attend(q, k, v))
        return x + self.mlp(self.ln_2(x))


class CrossBlock(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads, self.mlp = heads, Mlp(width)
        self.ln_1, self.ln_2, self.ln_3 = nn.LayerNorm(width), nn.LayerNorm(width), nn.LayerNorm(width)
        self.c_q, self.c_kv, self.c_proj = nn.Linear(width, width), nn.Linear(width, 2 * width), nn.Linear(width, width)

    def forward(self, x, data):
        q = self.c_q(self.ln_1(x)).unflatten(-1, (self.heads, -1))
        k, v = self.c_kv(self.ln_2(data)).unflatten(-1, (self.heads, -1)).chunk(2, dim=-1)
        x = x + self.c_proj(attend(q, k, v))
        return x + self.mlp(self.ln_3(x))


class ShapeVae(nn.Module):
    """From latent tokens to occupancy logits on the points of a grid, chunk by chunk."""

    def __init__(self, o, s):
        super().__init__()
        width, heads, self.chunk = o["width"], o["heads"], s.get("chunk", 100000)
        self.register_buffer("frequencies", 2.0 ** torch.arange(o["num_freqs"]), persistent=False)
        self.post_kl = nn.Linear(o["embed_dim"], width)
        self.transformer = nn.ModuleList(SelfBlock(width, heads) for _ in range(o["num_decoder_layers"]))
        self.query_proj = nn.Linear(3 * (2 * o["num_freqs"] + 1), width)
        self.cross_attn_decoder, self.ln_post, self.output_proj = CrossBlock(width, heads), nn.LayerNorm(width), nn.Linear(width, 1)

    def forward(self, batch):
        latents = self.post_kl(batch["tokens"])
        for block in self.transformer:
            latents = block(latents)
        logits = []
        for points in batch["points"].split(self.chunk, dim=1):
            x = self.cross_attn_decoder(self.query_proj(embed(points, self.frequencies)), latents)
            logits.append(self.output_proj(self.ln_post(x)).squeeze(-1))
        return torch.cat(logits, dim=1)


def make_batch(shape, batch_size):
    generator = torch.Generator().manual_seed(1)
    side = torch.linspace(-1.05, 1.05, shape["resolution"] + 1)
    points = torch.stack(torch.meshgrid(side, side, side, indexing="ij"), dim=-1).view(1, -1, 3).expand(batch_size, -1, -1)
    return {"tokens": torch.randn(batch_size, shape["tokens"], shape["channels"], generator=generator), "points": points}
