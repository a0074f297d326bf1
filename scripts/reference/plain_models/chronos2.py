"""Chronos-2 as its published code formulates it: fp32 tables of rotary angles, scores without scaling, and group attention over all pairs of rows with a mask, token by token."""
import torch
from torch import nn
from torch.nn import functional as F

from .time_moe import RMSNorm


class ResidualBlock(nn.Module):
    def __init__(self, into, hidden, out):
        super().__init__()
        self.hidden, self.out, self.residual = nn.Linear(into, hidden), nn.Linear(hidden, out), nn.Linear(into, out)

    def forward(self, x):
        return self.out(F.relu(self.hidden(x))) + self.residual(x)


class Attention(nn.Module):
    def __init__(self, o):
        super().__init__()
        self.heads, self.size, self.theta = o["num_heads"], o["d_kv"], o["rope_theta"]
        inner = self.heads * self.size
        self.q, self.k, self.v = (nn.Linear(o["d_model"], inner, bias=False) for _ in range(3))
        self.out = nn.Linear(inner, o["d_model"], bias=False)

    def turned(self, x):
        positions = torch.arange(x.shape[2], device=x.device).float()
        frequencies = 1.0 / self.theta ** (torch.arange(0, self.size, 2, device=x.device).float() / self.size)
        angles = torch.cat([positions[:, None] * frequencies] * 2, dim=-1)
        low, high = x.chunk(2, dim=-1)
        return x * angles.cos().to(x.dtype) + torch.cat([-high, low], dim=-1) * angles.sin().to(x.dtype)

    def forward(self, x, mask, over_time):
        q, k, v = (f(x).view(x.shape[0], x.shape[1], self.heads, self.size).transpose(1, 2) for f in (self.q, self.k, self.v))
        if over_time:
            q, k = self.turned(q), self.turned(k)
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=1.0)
        return self.out(mixed.transpose(1, 2).reshape(x.shape[0], x.shape[1], -1))


class Block(nn.Module):
    def __init__(self, o):
        super().__init__()
        width, eps = o["d_model"], o["layer_norm_epsilon"]
        self.time, self.group = Attention(o), Attention(o)
        self.wi, self.wo = nn.Linear(width, o["d_ff"], bias=False), nn.Linear(o["d_ff"], width, bias=False)
        self.norms = nn.ModuleList(RMSNorm(width, eps) for _ in range(3))

    def forward(self, x, time_mask, group_mask):
        x = x + self.time(self.norms[0](x), time_mask, True)
        by_token = x.transpose(0, 1)
        x = x + self.group(self.norms[1](by_token), group_mask, False).transpose(0, 1)
        return x + self.wo(F.relu(self.wi(self.norms[2](x))))


class Chronos2(nn.Module):
    def __init__(self, options, shape):
        super().__init__()
        config = options["chronos_config"]
        self.patch, self.quantiles = config["input_patch_size"], config["quantiles"]
        self.context, self.arcsinh = config["context_length"], config["use_arcsinh"]
        self.scale = config.get("time_encoding_scale") or self.context
        self.ahead, width = shape["pred_len"], options["d_model"]
        self.shared = nn.Embedding(2, width)
        self.into = ResidualBlock(3 * self.patch, options["d_ff"], width)
        self.blocks = nn.ModuleList(Block(options) for _ in range(options["num_layers"]))
        self.norm = RMSNorm(width, options["layer_norm_epsilon"])
        self.out = ResidualBlock(width, options["d_ff"], len(self.quantiles) * self.patch)

    def patches(self, rows):
        return rows.unfold(-1, self.patch, self.patch)

    def forward(self, batch):
        x = batch["x_enc"]
        rows = x.transpose(1, 2).reshape(-1, x.shape[1]).float()[:, -self.context:]
        groups = torch.arange(x.shape[0], device=x.device).repeat_interleave(x.shape[2])
        observed = ~rows.isnan()
        loc = rows.nanmean(-1, keepdim=True).nan_to_num(0.0)
        scale = (rows - loc).square().nanmean(-1, keepdim=True).sqrt().nan_to_num(1.0)
        scale = torch.where(scale == 0, 1e-5, scale)
        values = (rows - loc) / scale
        if self.arcsinh:
            values = values.asinh()
        padding = -rows.shape[1] % self.patch
        values, observed = F.pad(values, (padding, 0)), F.pad(observed.float(), (padding, 0))
        known, count = values.shape[1], -(-self.ahead // self.patch)
        time = torch.arange(-known, count * self.patch, device=x.device) / self.scale
        time = time.expand(len(rows), -1)
        past = torch.cat([self.patches(time[:, :known]), self.patches(values.nan_to_num(0.0)), self.patches(observed)], -1)
        none = torch.zeros(len(rows), count, self.patch, device=x.device)
        future = torch.cat([self.patches(time[:, known:]), none, none], -1)
        dtype = self.into.out.weight.dtype
        register = self.shared.weight[1].expand(len(rows), 1, -1)
        tokens = torch.cat([self.into(past.to(dtype)), register, self.into(future.to(dtype))], 1)
        mask = F.pad((self.patches(observed).sum(-1) > 0).to(dtype), (0, 1 + count), value=1.0)
        lowest = torch.finfo(dtype).min
        time_mask = ((1.0 - mask) * lowest)[:, None, None]
        same = (groups[:, None] == groups[None, :]).to(dtype)
        group_mask = ((1.0 - torch.einsum("ab,bt->tab", same, mask)) * lowest)[:, None]
        for block in self.blocks:
            tokens = block(tokens, time_mask, group_mask)
        out = self.out(self.norm(tokens)[:, -count:]).float()
        out = out.unflatten(-1, (len(self.quantiles), self.patch)).transpose(1, 2).flatten(2)
        median = out[:, len(self.quantiles) // 2]
        if self.arcsinh:
            median = median.sinh()
        median = (median * scale + loc)[:, :self.ahead]
        return median.view(x.shape[0], x.shape[2], -1).transpose(1, 2)
