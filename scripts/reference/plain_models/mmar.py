"""MMAR (Yang et al., CVPR 2025) in plain PyTorch, as the paper states it: a decoder over words and continuous image tokens, which see each other in both directions, and a
diffusion head per token that predicts v."""
import math

import torch
from torch import nn
from torch.nn import functional as F

from .layers import VitBlock
from .mar import Diffusion, Head, make_batch  # noqa: F401
from .time_moe import GatedMLP, RMSNorm
from .var import Decoder

SPECIAL = {"bos": 1, "boi": 3, "eoi": 4}


class Attention(nn.Module):
    """Qwen2's: rotary positions, keys and values shared by groups of heads."""

    def __init__(self, o):
        super().__init__()
        width, self.heads, self.shared = o["hidden_size"], o["num_attention_heads"], o["num_key_value_heads"]
        self.size, self.theta = o["head_dim"] or width // self.heads, o["rope_theta"]
        self.q_proj = nn.Linear(width, self.heads * self.size)
        self.k_proj, self.v_proj = (nn.Linear(width, self.shared * self.size) for _ in range(2))
        self.o_proj = nn.Linear(self.heads * self.size, width, bias=False)

    def turned(self, x):
        frequencies = 1.0 / self.theta ** (torch.arange(0, self.size, 2).float() / self.size)
        angles = torch.cat([torch.arange(x.shape[2])[:, None].float() * frequencies] * 2, dim=-1)
        low, high = x.chunk(2, dim=-1)
        return x * angles.cos().to(x.dtype) + torch.cat([-high, low], dim=-1) * angles.sin().to(x.dtype)

    def forward(self, x, seen):
        def heads(values):
            return values.unflatten(-1, (-1, self.size)).transpose(1, 2)

        q, k, v = self.turned(heads(self.q_proj(x))), self.turned(heads(self.k_proj(x))), heads(self.v_proj(x))
        group = self.heads // self.shared
        k, v = k.repeat_interleave(group, dim=1), v.repeat_interleave(group, dim=1)
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=seen)
        return self.o_proj(mixed.transpose(1, 2).flatten(2))


class Layer(nn.Module):
    def __init__(self, o):
        super().__init__()
        self.norm1, self.norm2 = (RMSNorm(o["hidden_size"], o["rms_norm_eps"]) for _ in range(2))
        self.attention, self.mlp = Attention(o), GatedMLP(o["hidden_size"], o["intermediate_size"])

    def forward(self, x, seen):
        x = x + self.attention(self.norm1(x), seen)
        return x + self.mlp(self.norm2(x))


class EmbeddingVit(nn.Module):
    def __init__(self, o, channels, length):
        super().__init__()
        width = o["vit_dim"]
        self.mask_token = nn.Parameter(torch.randn(1, 1, width) * 0.02)
        self.positions = nn.Parameter(torch.randn(1, length, width) * 0.02)
        self.z_proj = nn.Linear(channels, width)
        self.norm_in, self.norm = nn.LayerNorm(width, eps=1e-6), nn.LayerNorm(width, eps=1e-6)
        self.blocks = nn.ModuleList(VitBlock(width, o["vit_heads"], 4.0, 0.0) for _ in range(o["vit_depth"]))

    def forward(self, tokens, masked):
        x = torch.where(masked.unsqueeze(-1), self.mask_token, self.z_proj(tokens))
        x = self.norm_in(x + self.positions)
        for block in self.blocks:
            x = block(x)
        return self.norm(x)


class Mmar(nn.Module):
    """Pictures of an empty caption, under guidance: as much work as any other."""

    def __init__(self, o, shape):
        super().__init__()
        self.side = o["img_size"] // 2 ** (len(o["vae"]["ch_mult"]) - 1)
        self.channels, self.length = o["vae"]["embed_dim"], self.side ** 2
        self.shape = {"cfg": 2.5, "cfg_schedule": "linear", "steps": 16, "denoising_steps": 20, **shape}
        width = o["hidden_size"]
        self.embed_tokens = nn.Embedding(o["vocab_size"] or 5 + len(o["words"]), width)
        self.layers = nn.ModuleList(Layer(o) for _ in range(o["num_hidden_layers"]))
        self.norm = RMSNorm(width, o["rms_norm_eps"])
        self.embedding_vit = EmbeddingVit(o, self.channels, self.length)
        self.vis_projector = nn.Sequential(nn.Linear(o["vit_dim"], width), nn.GELU(), nn.Linear(width, width))
        self.head = Head(self.channels, width, o["diffloss_w"], o["diffloss_d"])
        self.head.linear = nn.Linear(o["diffloss_w"], self.channels)
        self.to_decoder = nn.Conv2d(self.channels, self.channels, 1)
        self.decoder_half = Decoder({**o["vae"], "z_channels": self.channels}, attends=False)

    def conditions(self, tokens, masked):
        """The head's conditions of all image tokens."""
        visual = self.vis_projector(self.embedding_vit(tokens, masked))
        words = self.embed_tokens(torch.tensor([SPECIAL["bos"], SPECIAL["boi"], SPECIAL["eoi"]])).to(visual.dtype)
        before, behind = words[:2].expand(len(tokens), -1, -1), words[2:].expand(len(tokens), -1, -1)
        x = torch.cat([before, visual, behind], dim=1)
        slot = torch.zeros(x.shape[1], dtype=torch.bool)
        slot[2:-1] = True
        seen = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).tril() | (slot[:, None] & slot[None, :])
        for layer in self.layers:
            x = layer(x, seen)
        return self.norm(x)[:, 2:-1]

    def denoise(self, z, cfg, diffusion):
        """The deterministic path from noise, of rows with and without a caption."""
        rows = z.shape[0] // 2
        x = torch.randn(rows, self.channels)
        for i in reversed(range(diffusion.steps)):
            v = self.head(torch.cat([x, x]), diffusion.map[i].expand(2 * rows), z).float()
            v = v[rows:] + cfg * (v[:rows] - v[rows:])
            start = diffusion.signal[i] * x - diffusion.noise[i] * v
            noise = diffusion.signal[i] * v + diffusion.noise[i] * x
            x = start if i == 0 else diffusion.signal[i - 1] * start + diffusion.noise[i - 1] * noise
        return x

    def draw(self, samples):
        length, total = self.length, min(self.shape["steps"], self.length)
        order = torch.argsort(torch.rand(samples, length), dim=1)
        mask, tokens = torch.ones(samples, length, dtype=torch.bool), torch.zeros(samples, length, self.channels)
        diffusion = Diffusion(self.shape["denoising_steps"])
        for step in range(total):
            z = self.conditions(torch.cat([tokens, tokens]), torch.cat([mask, mask]))
            left = math.floor(length * math.cos(math.pi / 2 * (step + 1) / total))
            left = max(1, min(int(mask[0].sum()) - 1, left))
            following = torch.zeros(samples, length).scatter_(1, order[:, :left], 1.0).bool()
            drawn = mask if step + 1 == total else mask ^ following
            grown = (length - left) / length if self.shape["cfg_schedule"] == "linear" else 1
            cfg = 1 + (self.shape["cfg"] - 1) * grown
            tokens[drawn] = self.denoise(z[torch.cat([drawn, drawn])].float(), cfg, diffusion)
            mask = following
        return tokens

    def forward(self, batch):
        tokens = self.draw(batch["labels"].shape[0])
        grid = tokens.transpose(1, 2).reshape(len(tokens), self.channels, self.side, self.side)
        return self.decoder_half(self.to_decoder(grid / 0.2325)).clamp(-1, 1)
