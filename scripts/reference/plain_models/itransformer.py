import torch
from torch import nn

from .layers import AttentionLayer, EncoderLayer, FullAttention


class ITransformer(nn.Module):
    def __init__(self, o, s):
        super().__init__()
        self.use_norm = o["use_norm"]
        self.embedding = nn.Linear(s["seq_len"], o["d_model"])
        self.dropout = nn.Dropout(o["dropout"])
        self.layers = nn.ModuleList(
            EncoderLayer(AttentionLayer(FullAttention(o["dropout"]), o["d_model"], o["n_heads"]),
                         o["d_model"], o["d_ff"], o["dropout"], o["activation"])
            for _ in range(o["e_layers"]))
        self.norm = nn.LayerNorm(o["d_model"])
        self.projector = nn.Linear(o["d_model"], s["pred_len"])

    def forward(self, batch):
        x, marks = batch["x_enc"], batch["x_mark_enc"]
        variates = x.shape[-1]
        if self.use_norm:
            mean = x.mean(1, keepdim=True).detach()
            x = x - mean
            std = torch.sqrt(torch.var(x, dim=1, keepdim=True, unbiased=False) + 1e-5)
            x = x / std
        tokens = self.dropout(self.embedding(torch.cat([x.permute(0, 2, 1), marks.permute(0, 2, 1)], 1)))
        for layer in self.layers:
            tokens = layer(tokens)
        out = self.projector(self.norm(tokens)).permute(0, 2, 1)[:, :, :variates]
        if self.use_norm:
            out = out * std[:, 0, :].unsqueeze(1) + mean[:, 0, :].unsqueeze(1)
        return out
