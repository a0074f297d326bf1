"""Hi-MAR (Zheng et al., ICML 2025) in plain PyTorch: pivots by an MLP head, then dense tokens by a diffusion transformer."""
import math

import torch
from torch import nn
from torch.nn import functional as F

from .layers import time_sinusoids
from .mar import STEPS, Diffusion, Head, make_batch  # noqa: F401
from .var import Decoder


class TaskBlock(nn.Module):
    """A block of the Vision Transformer whose branches are scaled and gated by the task."""

    def __init__(self, width, heads, ratio, dropout):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-6), nn.LayerNorm(width, eps=1e-6)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.fc1, self.fc2 = nn.Linear(width, int(ratio * width)), nn.Linear(int(ratio * width), width)
        self.dropout = nn.Dropout(dropout)
        self.scale = nn.Parameter(torch.zeros(2, 1, 1, 4 * width))
        start = torch.tensor([0.0, 1.0, 0.0, 1.0]).repeat_interleave(width)
        self.shift = nn.Parameter(start.repeat(2, 1, 1, 1))

    def forward(self, x, ada, task):
        scale1, gate1, scale2, gate2 = (ada * self.scale[task] + self.shift[task]).chunk(4, dim=-1)
        q, k, v = self.qkv(self.norm1(x) * (1 + scale1)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        x = x + gate1 * self.dropout(self.proj(mixed))
        return x + gate2 * self.dropout(self.fc2(self.dropout(F.gelu(self.fc1(self.norm2(x) * (1 + scale2))))))


class TaskStack(nn.Module):
    def __init__(self, depth, width, heads, ratio, dropout):
        super().__init__()
        self.blocks = nn.ModuleList(TaskBlock(width, heads, ratio, dropout) for _ in range(depth))
        self.norm, self.tasks = nn.LayerNorm(width, eps=1e-6), nn.Embedding(2, width)
        self.ada = nn.Sequential(nn.SiLU(), nn.Linear(width, 4 * width))

    def forward(self, x, task):
        ada = self.ada(self.tasks.weight[task].view(1, 1, -1))
        for block in self.blocks:
            x = block(x, ada, task)
        return self.norm(x)


class DitBlock(nn.Module):
    def __init__(self, width, heads, ratio):
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(width, eps=1e-6, elementwise_affine=False)
        self.norm2 = nn.LayerNorm(width, eps=1e-6, elementwise_affine=False)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.fc1, self.fc2 = nn.Linear(width, int(ratio * width)), nn.Linear(int(ratio * width), width)
        self.modulation = nn.Sequential(nn.SiLU(), nn.Linear(width, 6 * width))

    def forward(self, x, c):
        shift1, scale1, gate1, shift2, scale2, gate2 = self.modulation(c).chunk(6, dim=-1)
        q, k, v = self.qkv(self.norm1(x) * (1 + scale1) + shift1).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        x = x + gate1 * self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
        return x + gate2 * self.fc2(F.gelu(self.fc1(self.norm2(x) * (1 + scale2) + shift2), approximate="tanh"))


class Dit(nn.Module):
    """The noise in a grid of tokens, each under a condition of its own."""

    def __init__(self, channels, condition, width, depth, heads, ratio, tokens):
        super().__init__()
        self.x_embed, self.c_embed = nn.Linear(channels, width), nn.Linear(condition, width)
        self.time = nn.Sequential(nn.Linear(256, width), nn.SiLU(), nn.Linear(width, width))
        self.positions = nn.Parameter(torch.randn(1, tokens, width) * 0.02, requires_grad=False)
        self.blocks = nn.ModuleList(DitBlock(width, heads, ratio) for _ in range(depth))
        self.norm = nn.LayerNorm(width, eps=1e-6, elementwise_affine=False)
        self.modulation = nn.Sequential(nn.SiLU(), nn.Linear(width, 2 * width))
        self.linear = nn.Linear(width, channels)

    def forward(self, x, t, z):
        c = self.time(time_sinusoids(t)).unsqueeze(1) + self.c_embed(z)
        x = self.x_embed(x) + self.positions
        for block in self.blocks:
            x = block(x, c)
        shift, scale = self.modulation(c).chunk(2, dim=-1)
        return self.linear(self.norm(x) * (1 + scale) + shift)


class HiMar(nn.Module):
    """Pictures of classes."""

    def __init__(self, o, shape):
        super().__init__()
        self.side = o["img_size"] // 2 ** (len(o["vae"]["ch_mult"]) - 1)
        self.channels, self.buffer = o["vae"]["embed_dim"], o["buffer_size"]
        self.pivots, self.length = o["cond_scale"] ** 2, self.side ** 2
        self.shape = {"cfg": 2.5, "pivot_cfg": 2.7, "cfg_schedule": "linear", "steps": 4, "pivot_steps": 0,
                      "denoising_steps": 250, "pivot_denoising_steps": 100, "clip": 0.0, **shape}
        self.shape["pivot_steps"] = self.shape["pivot_steps"] or 4 * o["cond_scale"]
        dim, rows, places = o["encoder_embed_dim"], self.buffer + self.pivots + self.length, self.pivots + self.length

        def table(*sizes):
            return nn.Parameter(torch.randn(*sizes) * 0.02)

        self.class_emb, self.fake_latent = nn.Embedding(o["class_num"], dim), table(1, dim)
        self.mask_tokens, self.diffusion_pos = table(2, places, dim), table(1, places, dim)
        self.encoder_pos, self.decoder_pos = table(2, rows, dim), table(2, rows, dim)
        self.z_proj, self.z_proj_ln = nn.Linear(self.channels, dim), nn.LayerNorm(dim, eps=1e-6)
        self.cond_proj, self.cond_z_proj = nn.Linear(self.channels, dim), nn.Linear(dim, dim)
        self.decoder_embed = nn.Linear(dim, dim)
        self.encoder = TaskStack(o["encoder_depth"], dim, o["encoder_num_heads"], o["mlp_ratio"], o["proj_dropout"])
        self.decoder = TaskStack(o["decoder_depth"], dim, o["decoder_num_heads"], o["mlp_ratio"], o["proj_dropout"])
        self.head = Head(self.channels, dim, o["diffloss_w"], o["diffloss_d"])
        self.dit = Dit(self.channels, dim, o["gdm_w"], o["gdm_d"], o["head"], o["ratio"], self.length)
        self.to_decoder = nn.Conv2d(self.channels, self.channels, 1)
        self.decoder_half = Decoder({**o["vae"], "z_channels": self.channels}, attends=False)

    def transform(self, phase, pivot_rows, tokens, mask, condition):
        batch = tokens.shape[0]
        x = torch.cat([pivot_rows, self.z_proj(tokens)], dim=1)
        x = torch.cat([condition.unsqueeze(1).expand(-1, self.buffer, -1), x], dim=1)
        hidden = torch.cat([torch.zeros(batch, self.buffer), mask], dim=1)
        x = self.z_proj_ln(x + self.encoder_pos[phase])
        x = x[(1 - hidden).nonzero(as_tuple=True)].reshape(batch, -1, x.shape[2])
        x = self.decoder_embed(self.encoder(x, phase))
        full = torch.cat([torch.zeros(self.buffer, x.shape[2]), self.mask_tokens[phase]]).repeat(batch, 1, 1).to(x.dtype)
        full[(1 - hidden).nonzero(as_tuple=True)] = x.reshape(-1, x.shape[2])
        return self.decoder(full + self.decoder_pos[phase], phase)[:, self.buffer:] + self.diffusion_pos

    def guidance(self, cfg, left, count):
        return 1 + (cfg - 1) * ((count - left) / count if self.shape["cfg_schedule"] == "linear" else 1)

    def bounded(self, start):
        clip = self.shape["clip"]
        return start.clamp(-clip, clip) if clip > 0 else start

    def denoise_rows(self, z, cfg, diffusion):
        rows = z.shape[0] // 2
        x = torch.randn(rows, self.channels).repeat(2, 1)
        for i in reversed(range(diffusion.steps)):
            output = self.head(torch.cat([x[:rows], x[:rows]]), diffusion.map[i].expand(2 * rows), z).float()
            eps, rest = output[:, :self.channels], output[:, self.channels:]
            guided = eps[rows:] + cfg * (eps[:rows] - eps[rows:])
            x = diffusion.back(x, torch.cat([torch.cat([guided, guided]), rest], dim=1), i, 1.0)
        return x[:rows]

    def denoise_grid(self, z, cfg, diffusion, known, tokens):
        samples = z.shape[0] // 2
        first = torch.randn(samples, self.length, self.channels)
        x = first
        for i in reversed(range(diffusion.steps)):
            x = torch.where(known.unsqueeze(-1), diffusion.signal[i] * tokens + diffusion.noise[i] * first, x)
            output = self.dit(torch.cat([x, x]), diffusion.map[i].expand(2 * samples), z).float()
            eps = output[samples:] + cfg * (output[:samples] - output[samples:])
            start = self.bounded(diffusion.recip[i] * x - diffusion.recipm1[i] * eps)
            x = diffusion.coef1[i] * start + diffusion.coef2[i] * x
            if i > 0:
                x = x + torch.exp(0.5 * diffusion.log_betas[i]) * torch.randn_like(x)
        return x

    def draw(self, labels):
        samples, pivots = labels.shape[0], self.pivots
        condition = self.class_emb(labels)
        both = torch.cat([condition, self.fake_latent.expand(samples, -1)])
        order = torch.argsort(torch.rand(samples, pivots), dim=1)
        mask = torch.ones(samples, pivots + self.length)
        tokens, small = torch.zeros(samples, self.length, self.channels), torch.zeros(samples, pivots, self.channels)
        small_z = torch.zeros(samples, pivots, condition.shape[1])
        diffusion, total = Diffusion(self.shape["pivot_denoising_steps"]), self.shape["pivot_steps"]
        for step in range(total):
            rows = self.cond_proj(torch.cat([small, small]))
            z = self.transform(0, rows, torch.cat([tokens, tokens]), torch.cat([mask, mask]), both)[:, :pivots]
            left = math.floor(pivots * math.cos(math.pi / 2 * (step + 1) / total))
            left = max(1, min(int(mask[0, :pivots].sum()) - 1, left))
            following = torch.ones_like(mask)
            following[:, :pivots] = torch.zeros(samples, pivots).scatter_(1, order[:, :left], 1.0)
            drawn = mask[:, :pivots].bool()
            if step + 1 < total:
                drawn = drawn ^ following[:, :pivots].bool()
            small_z[drawn] = z[:samples][drawn].float()
            if drawn.any():
                rows = z[torch.cat([drawn, drawn])]
                small[drawn] = self.denoise_rows(rows, self.guidance(self.shape["pivot_cfg"], left, pivots), diffusion)
            mask = following
        mask = torch.cat([torch.zeros(samples, pivots), torch.ones(samples, self.length)], dim=1)
        order = torch.argsort(torch.rand(samples, self.length), dim=1)
        diffusion, total = Diffusion(self.shape["denoising_steps"]), self.shape["steps"]
        for step in range(total):
            rows = self.cond_z_proj(torch.cat([small_z, small_z]))
            z = self.transform(1, rows, torch.cat([tokens, tokens]), torch.cat([mask, mask]), both)[:, pivots:]
            masked = mask[:, pivots:].bool()
            left = math.floor(self.length * math.cos(math.pi / 2 * (step + 1) / total))
            left = max(1, min(int(masked[0].sum()) - 1, left))
            drawn = self.denoise_grid(z, self.guidance(self.shape["cfg"], left, self.length), diffusion, ~masked, tokens)
            tokens = torch.where(masked.unsqueeze(-1), drawn, tokens)
            mask = torch.cat([torch.zeros(samples, pivots), torch.zeros(samples, self.length).scatter_(1, order[:, :left], 1.0)], dim=1)
        return tokens

    def forward(self, batch):
        tokens = self.draw(batch["labels"])
        grid = tokens.transpose(1, 2).reshape(len(tokens), self.channels, self.side, self.side)
        return self.decoder_half(self.to_decoder(grid / 0.2325)).clamp(-1, 1)
