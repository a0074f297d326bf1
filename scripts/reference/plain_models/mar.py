"""MAR (Li et al., NeurIPS 2024) in plain PyTorch: masked encoder and decoder, a diffusion head per token."""
import math

import torch
from torch import nn

from .layers import VitBlock, time_sinusoids
from .var import Decoder

STEPS = 1000


def cosine_betas():
    def alpha_bar(t):
        return math.cos((t + 0.008) / 1.008 * math.pi / 2) ** 2

    return torch.tensor([min(1 - alpha_bar((i + 1) / STEPS) / alpha_bar(i / STEPS), 0.999) for i in range(STEPS)],
                        dtype=torch.float64)


class Diffusion:
    """The tables of a schedule that keeps `steps` of the original steps."""

    def __init__(self, steps):
        kept = torch.linspace(0, STEPS - 1, steps, dtype=torch.float64).round().long()
        bars = torch.cumprod(1 - cosine_betas(), 0)[kept]
        before = torch.cat([torch.ones(1, dtype=torch.float64), bars[:-1]])
        betas = 1 - bars / before
        variances = betas * (1 - before) / (1 - bars)
        variances[0] = variances[min(1, steps - 1)]
        self.steps, self.map = steps, kept
        self.log_betas, self.log_variances = betas.log().float(), variances.log().float()
        self.recip, self.recipm1 = (1 / bars).sqrt().float(), (1 / bars - 1).sqrt().float()
        self.coef1 = (betas * before.sqrt() / (1 - bars)).float()
        self.coef2 = ((1 - before) * (1 - betas).sqrt() / (1 - bars)).float()
        self.signal, self.noise = bars.sqrt().float(), (1 - bars).sqrt().float()

    def back(self, x, output, i, temperature):
        eps, v = output.float().chunk(2, dim=1)
        share = (v + 1) / 2
        log_variance = share * self.log_betas[i] + (1 - share) * self.log_variances[i]
        start = self.recip[i] * x - self.recipm1[i] * eps
        mean = self.coef1[i] * start + self.coef2[i] * x
        noise = torch.randn_like(x)
        return mean + (0.0 if i == 0 else 1.0) * torch.exp(0.5 * log_variance) * noise * temperature


class HeadBlock(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.in_ln = nn.LayerNorm(width, eps=1e-6)
        self.mlp = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), nn.Linear(width, 3 * width))

    def forward(self, x, y):
        shift, scale, gate = self.adaLN_modulation(y).chunk(3, dim=-1)
        return x + gate * self.mlp(self.in_ln(x) * (1 + scale) + shift)


class Head(nn.Module):
    def __init__(self, channels, condition, width, depth):
        super().__init__()
        self.time = nn.Sequential(nn.Linear(256, width), nn.SiLU(), nn.Linear(width, width))
        self.cond_embed, self.input_proj = nn.Linear(condition, width), nn.Linear(channels, width)
        self.blocks = nn.ModuleList(HeadBlock(width) for _ in range(depth))
        self.norm = nn.LayerNorm(width, eps=1e-6, elementwise_affine=False)
        self.modulation = nn.Sequential(nn.SiLU(), nn.Linear(width, 2 * width))
        self.linear = nn.Linear(width, 2 * channels)

    def forward(self, x, t, z):
        y = self.time(time_sinusoids(t)) + self.cond_embed(z)
        x = self.input_proj(x)
        for block in self.blocks:
            x = block(x, y)
        shift, scale = self.modulation(y).chunk(2, dim=-1)
        return self.linear(self.norm(x) * (1 + scale) + shift)


class MaskedGenerator(nn.Module):
    """Tokens [B, length, width] with a buffer of conditions before them, of which `drop` rows stand for none."""

    def __init__(self, o, shape, length, width, buffer, drop):
        super().__init__()
        self.length, self.width, self.buffer, self.copies = length, width, buffer, o["diffusion_batch_mul"]
        self.shape = {"steps": 64, "denoising_steps": 100, "cfg": 2.9, "cfg_schedule": "linear", **shape}
        dim, out = o["encoder_embed_dim"], o["decoder_embed_dim"]
        rows = buffer + length
        self.fake_latent = nn.Parameter(torch.randn(drop, dim) * 0.02)
        self.encoder_pos = nn.Parameter(torch.randn(1, rows, dim) * 0.02)
        self.decoder_pos = nn.Parameter(torch.randn(1, rows, out) * 0.02)
        self.diffusion_pos = nn.Parameter(torch.randn(1, length, out) * 0.02)
        self.mask_token = nn.Parameter(torch.randn(1, 1, out) * 0.02)
        self.z_proj, self.z_proj_ln = nn.Linear(width, dim), nn.LayerNorm(dim, eps=1e-6)

        def blocks(count, width, heads):
            return nn.ModuleList(VitBlock(width, heads, o["mlp_ratio"], o["proj_dropout"]) for _ in range(count))

        self.encoder = blocks(o["encoder_depth"], dim, o["encoder_num_heads"])
        self.decoder = blocks(o["decoder_depth"], out, o["decoder_num_heads"])
        self.encoder_norm, self.decoder_norm = nn.LayerNorm(dim, eps=1e-6), nn.LayerNorm(out, eps=1e-6)
        self.decoder_embed = nn.Linear(dim, out)
        self.head = Head(width, out, o["diffloss_w"], o["diffloss_d"])

    def transform(self, tokens, mask, condition):
        """condition: [B, buffer or 1, D]."""
        batch = tokens.shape[0]
        x = self.z_proj(tokens)
        x = torch.cat([torch.zeros(batch, self.buffer, x.shape[2], dtype=x.dtype, device=x.device), x], dim=1)
        hidden = torch.cat([torch.zeros(batch, self.buffer, device=mask.device), mask], dim=1)
        x[:, :self.buffer] = condition
        x = self.z_proj_ln(x + self.encoder_pos)
        x = x[(1 - hidden).nonzero(as_tuple=True)].reshape(batch, -1, x.shape[2])
        for block in self.encoder:
            x = block(x)
        x = self.decoder_embed(self.encoder_norm(x))
        full = self.mask_token.repeat(batch, hidden.shape[1], 1).to(x.dtype)
        full[(1 - hidden).nonzero(as_tuple=True)] = x.reshape(-1, x.shape[2])
        x = full + self.decoder_pos
        for block in self.decoder:
            x = block(x)
        return self.decoder_norm(x)[:, self.buffer:] + self.diffusion_pos

    def noise_estimate(self, batch):
        tokens, samples = batch["latents"], batch["latents"].shape[0]
        order = torch.argsort(torch.rand(samples, self.length), dim=1)
        mask = torch.zeros(samples, self.length).scatter_(1, order[:, :math.ceil(0.85 * self.length)], 1.0)
        z = self.transform(tokens, mask, self.condition(batch["labels"]))
        diffusion = Diffusion(STEPS)
        target, z = tokens.reshape(-1, self.width).repeat(self.copies, 1), z.flatten(0, 1).repeat(self.copies, 1)
        t = torch.randint(0, STEPS, (target.shape[0],))
        x = diffusion.signal[t].unsqueeze(1) * target + diffusion.noise[t].unsqueeze(1) * batch["target"]
        return self.head(x, t, z)[:, :self.width]

    def denoise(self, z, cfg, diffusion):
        rows = z.shape[0] // 2
        x = torch.randn(rows, self.width, device=z.device).repeat(2, 1)
        for i in reversed(range(diffusion.steps)):
            t = diffusion.map[i].expand(2 * rows)
            output = self.head(torch.cat([x[:rows], x[:rows]]), t, z)
            eps, rest = output[:, :self.width], output[:, self.width:]
            guided = eps[rows:] + cfg * (eps[:rows] - eps[rows:])
            x = diffusion.back(x, torch.cat([torch.cat([guided, guided]), rest], dim=1), i, 1.0)
        return x[:rows]

    def draw(self, condition):
        samples, length, total = condition.shape[0], self.length, min(self.shape["steps"], self.length)
        order = torch.argsort(torch.rand(samples, length), dim=1)
        mask, tokens = torch.ones(samples, length), torch.zeros(samples, length, self.width)
        both = torch.cat([condition, self.fake_latent.unsqueeze(0).expand(samples, -1, -1)])
        diffusion = Diffusion(self.shape["denoising_steps"])
        for step in range(total):
            z = self.transform(torch.cat([tokens, tokens]), torch.cat([mask, mask]), both)
            left = math.floor(length * math.cos(math.pi / 2 * (step + 1) / total))
            left = max(1, min(int(mask[0].sum()) - 1, left))
            following = torch.zeros(samples, length).scatter_(1, order[:, :left], 1.0)
            drawn = mask.bool() if step + 1 == total else mask.bool() ^ following.bool()
            rows = z[torch.cat([drawn, drawn]).nonzero(as_tuple=True)]
            grown = (length - left) / length if self.shape["cfg_schedule"] == "linear" else 1
            cfg = 1 + (self.shape["cfg"] - 1) * grown
            tokens[drawn.nonzero(as_tuple=True)] = self.denoise(rows, cfg, diffusion).float()
            mask = following
        return tokens


class Mar(MaskedGenerator):
    """In training the head's estimate of the noise of every token; else pictures."""

    def __init__(self, o, shape):
        self.side = o["img_size"] // (2 ** (len(o["vae"]["ch_mult"]) - 1) * o["patch_size"])
        channels = o["vae"]["embed_dim"]
        super().__init__(o, shape, self.side ** 2, channels * o["patch_size"] ** 2, o["buffer_size"], drop=1)
        self.class_emb = nn.Embedding(o["class_num"], o["encoder_embed_dim"])
        self.patch, self.to_decoder = o["patch_size"], nn.Conv2d(channels, channels, 1)
        self.decoder_half = Decoder({**o["vae"], "z_channels": channels}, attends=False)

    def condition(self, labels):
        return self.class_emb(labels).unsqueeze(1)

    def decoded(self, tokens):
        side, p = self.side, self.patch
        maps = tokens.view(-1, side, side, self.width // (p * p), p, p).permute(0, 3, 1, 4, 2, 5)
        return self.decoder_half(self.to_decoder(maps.reshape(len(tokens), -1, side * p, side * p) / 0.2325)).clamp(-1, 1)

    def forward(self, batch):
        return self.noise_estimate(batch) if self.training else self.decoded(self.draw(self.condition(batch["labels"])))


class MarLr(MaskedGenerator):
    """MAR-LR of MAR-3D: the few tokens of shapes, given whole rows of conditions."""

    def __init__(self, o, shape):
        few, patches = o["lr"], (o["silhouette_pixels"] // o["silhouette_patch"]) ** 2
        buffer = 1 + patches + few["latent_size"]
        super().__init__(few, shape, few["latent_size"], o["vae_embed_dim"], buffer, drop=buffer)
        self.rows = nn.Parameter(torch.randn(buffer, few["encoder_embed_dim"]) * 0.02)

    def forward(self, batch):
        return self.draw(self.rows.unsqueeze(0).expand(batch["labels"].shape[0], -1, -1))


def make_batch(shape, batch_size):
    return {"labels": torch.arange(batch_size)}
