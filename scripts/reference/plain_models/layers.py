"""What several of the models are made of."""
import math

import torch
from torch import nn
from torch.nn import functional as F


class FullAttention(nn.Module):
    def __init__(self, dropout):
        super().__init__()
        self.dropout = nn.Dropout(dropout)

    def forward(self, q, k, v):
        scores = torch.einsum("blhe,bshe->bhls", q, k)
        weights = self.dropout(torch.softmax(scores / math.sqrt(q.shape[-1]), dim=-1))
        return torch.einsum("bhls,bshd->blhd", weights, v).contiguous()


class AttentionLayer(nn.Module):
    def __init__(self, attention, d_model, n_heads):
        super().__init__()
        width = d_model // n_heads * n_heads
        self.attention, self.n_heads = attention, n_heads
        self.query, self.key, self.value = (nn.Linear(d_model, width) for _ in range(3))
        self.out = nn.Linear(width, d_model)

    def forward(self, q, k, v):
        def heads(x):
            return x.view(x.shape[0], x.shape[1], self.n_heads, -1)

        mixed = self.attention(heads(self.query(q)), heads(self.key(k)), heads(self.value(v)))
        return self.out(mixed.reshape(q.shape[0], q.shape[1], -1))


class EncoderLayer(nn.Module):
    """Post-norm layer whose feed-forward is two convolutions of width one."""

    def __init__(self, attention, d_model, d_ff, dropout, activation):
        super().__init__()
        self.attention = attention
        self.conv1, self.conv2 = nn.Conv1d(d_model, d_ff, 1), nn.Conv1d(d_ff, d_model, 1)
        self.norm1, self.norm2 = nn.LayerNorm(d_model), nn.LayerNorm(d_model)
        self.dropout = nn.Dropout(dropout)
        self.activation = F.relu if activation == "relu" else F.gelu

    def forward(self, x):
        x = self.norm1(x + self.dropout(self.attention(x, x, x)))
        y = self.dropout(self.activation(self.conv1(x.transpose(-1, 1))))
        y = self.dropout(self.conv2(y).transpose(-1, 1))
        return self.norm2(x + y)


class TokenEmbedding(nn.Module):
    """Values, calendar and, where asked, positions, summed."""

    def __init__(self, o, s, bias, positions):
        super().__init__()
        width = o["d_model"]
        self.values = nn.Conv1d(s["enc_in"], width, 3, padding=1, padding_mode="circular", bias=bias)
        self.calendar = nn.Linear(s["marks"], width, bias=bias)
        self.dropout = nn.Dropout(o["dropout"])
        table = None
        if positions:
            angles = torch.arange(5000).unsqueeze(1) * torch.exp(torch.arange(0, width, 2) * (-math.log(10000) / width))
            table = torch.stack([angles.sin(), angles.cos()], 2).flatten(1)
        self.register_buffer("table", table)

    def forward(self, x, marks):
        out = self.values(x.permute(0, 2, 1)).transpose(1, 2) + self.calendar(marks)
        if self.table is not None:
            out = out + self.table[:x.shape[1]]
        return self.dropout(out)


class VitBlock(nn.Module):
    """Pre-norm block of the Vision Transformer."""

    def __init__(self, width, heads, ratio, dropout):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-6), nn.LayerNorm(width, eps=1e-6)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.fc1, self.fc2 = nn.Linear(width, int(ratio * width)), nn.Linear(int(ratio * width), width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        q, k, v = self.qkv(self.norm1(x)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v)
        x = x + self.dropout(self.proj(mixed.transpose(1, 2).flatten(2)))
        return x + self.dropout(self.fc2(self.dropout(F.gelu(self.fc1(self.norm2(x))))))


def time_sinusoids(t, width=256):
    """Diffusion times as cosines, then sines, of falling frequency."""
    half = width // 2
    frequencies = torch.exp(-math.log(10000) * torch.arange(half, device=t.device).float() / half)
    angles = t.float().unsqueeze(1) * frequencies
    return torch.cat([angles.cos(), angles.sin()], dim=1)
