import math

import torch
from torch import nn
from torch.nn import functional as F

from .layers import AttentionLayer, TokenEmbedding


class SeriesDecomposition(nn.Module):
    def __init__(self, moving_avg):
        super().__init__()
        self.half = (moving_avg - 1) // 2
        self.mean = nn.AvgPool1d(moving_avg, stride=1)

    def forward(self, x):
        ends = torch.cat([x[:, :1].repeat(1, self.half, 1), x, x[:, -1:].repeat(1, self.half, 1)], 1)
        trend = self.mean(ends.permute(0, 2, 1)).permute(0, 2, 1)
        return x - trend, trend


class AutoCorrelation(nn.Module):
    """Scores by one inverse transform a channel; one gathered copy of the values a delay."""

    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, q, k, v):
        batch, length, heads, width = q.shape
        if length > k.shape[1]:
            missing = torch.zeros_like(q[:, :length - k.shape[1]])
            k, v = torch.cat([k, missing], 1), torch.cat([v, missing], 1)
        k, v = k[:, :length], v[:, :length]
        spectrum_q = torch.fft.rfft(q.permute(0, 2, 3, 1).contiguous().float(), dim=-1)
        spectrum_k = torch.fft.rfft(k.permute(0, 2, 3, 1).contiguous().float(), dim=-1)
        correlation = torch.fft.irfft(spectrum_q * torch.conj(spectrum_k), n=length, dim=-1)
        values = v.permute(0, 2, 3, 1).contiguous()
        count = int(self.factor * math.log(length))
        scores = correlation.mean(1).mean(1)
        if self.training:
            delays = torch.topk(scores.mean(0), count).indices
            weights = torch.softmax(torch.stack([scores[:, d] for d in delays], -1), -1)
            out = torch.zeros_like(values).float()
            for i in range(count):
                out = out + torch.roll(values, -int(delays[i]), -1) * weights[:, i].view(batch, 1, 1, 1)
        else:
            best, delays = torch.topk(scores, count)
            weights = torch.softmax(best, -1)
            twice = values.repeat(1, 1, 1, 2)
            steps = torch.arange(length, device=v.device).view(1, 1, 1, -1).repeat(batch, heads, width, 1)
            out = torch.zeros_like(values).float()
            for i in range(count):
                rows = steps + delays[:, i].view(batch, 1, 1, 1).repeat(1, heads, width, length)
                out = out + torch.gather(twice, -1, rows) * weights[:, i].view(batch, 1, 1, 1)
        return out.permute(0, 3, 1, 2).contiguous()


class SeasonalFeedForward(nn.Module):
    def __init__(self, o):
        super().__init__()
        self.conv1 = nn.Conv1d(o["d_model"], o["d_ff"], 1, bias=False)
        self.conv2 = nn.Conv1d(o["d_ff"], o["d_model"], 1, bias=False)
        self.dropout = nn.Dropout(o["dropout"])
        self.activation = F.relu if o["activation"] == "relu" else F.gelu

    def forward(self, x):
        y = self.dropout(self.activation(self.conv1(x.transpose(-1, 1))))
        return self.dropout(self.conv2(y).transpose(-1, 1))


def correlation_layer(o):
    return AttentionLayer(AutoCorrelation(o["factor"]), o["d_model"], o["n_heads"])


class SeasonalEncoderLayer(nn.Module):
    def __init__(self, o):
        super().__init__()
        self.attention, self.feed_forward = correlation_layer(o), SeasonalFeedForward(o)
        self.first, self.second = SeriesDecomposition(o["moving_avg"]), SeriesDecomposition(o["moving_avg"])
        self.dropout = nn.Dropout(o["dropout"])

    def forward(self, x):
        x, _ = self.first(x + self.dropout(self.attention(x, x, x)))
        return self.second(x + self.feed_forward(x))[0]


class SeasonalDecoderLayer(nn.Module):
    def __init__(self, o, channels):
        super().__init__()
        self.own, self.cross, self.feed_forward = correlation_layer(o), correlation_layer(o), SeasonalFeedForward(o)
        self.first, self.second, self.third = (SeriesDecomposition(o["moving_avg"]) for _ in range(3))
        self.dropout = nn.Dropout(o["dropout"])
        self.projection = nn.Conv1d(o["d_model"], channels, 3, padding=1, padding_mode="circular", bias=False)

    def forward(self, x, memory):
        x, first = self.first(x + self.dropout(self.own(x, x, x)))
        x, second = self.second(x + self.dropout(self.cross(x, memory, memory)))
        x, third = self.third(x + self.feed_forward(x))
        return x, self.projection((first + second + third).permute(0, 2, 1)).transpose(1, 2)


class SeasonalNorm(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm = nn.LayerNorm(width)

    def forward(self, x):
        x = self.norm(x)
        return x - x.mean(1).unsqueeze(1).repeat(1, x.shape[1], 1)


class Autoformer(nn.Module):
    def __init__(self, o, s):
        super().__init__()
        self.label_len, self.pred_len = s["label_len"], s["pred_len"]
        self.decomposition = SeriesDecomposition(o["moving_avg"])
        self.enc_embedding, self.dec_embedding = (TokenEmbedding(o, s, False, False) for _ in range(2))
        self.encoder = nn.ModuleList(SeasonalEncoderLayer(o) for _ in range(o["e_layers"]))
        self.decoder = nn.ModuleList(SeasonalDecoderLayer(o, s["enc_in"]) for _ in range(o["d_layers"]))
        self.enc_norm, self.dec_norm = SeasonalNorm(o["d_model"]), SeasonalNorm(o["d_model"])
        self.projection = nn.Linear(o["d_model"], s["enc_in"])

    def forward(self, batch):
        x = batch["x_enc"]
        seasonal, trend = self.decomposition(x)
        mean = x.mean(1).unsqueeze(1).repeat(1, self.pred_len, 1)
        trend = torch.cat([trend[:, -self.label_len:], mean], 1)
        seasonal = torch.cat([seasonal[:, -self.label_len:], torch.zeros_like(mean)], 1)
        memory = self.enc_embedding(x, batch["x_mark_enc"])
        for layer in self.encoder:
            memory = layer(memory)
        memory = self.enc_norm(memory)
        y = self.dec_embedding(seasonal, batch["x_mark_dec"])
        for layer in self.decoder:
            y, growth = layer(y, memory)
            trend = trend + growth
        return (trend + self.projection(self.dec_norm(y)))[:, -self.pred_len:]
