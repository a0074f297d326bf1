"""The Axial Transformer (Ho et al., 2019) in plain PyTorch: Transformer2d with the official semi-parallel sampling."""
import torch
from torch import nn
from torch.nn import functional as F


class Block(nn.Module):
    def __init__(self, width, heads, factor, causal):
        super().__init__()
        self.heads, self.causal = heads, causal
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.fc1, self.fc2 = nn.Linear(width, factor * width), nn.Linear(factor * width, width)

    def forward(self, x):  # [N, T, D]
        n, t, d = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(n, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        x = x + self.proj(mixed.transpose(1, 2).reshape(n, t, d))
        hidden = self.fc1(self.norm2(x))
        return x + self.fc2(hidden * torch.sigmoid(1.702 * hidden))


def along_rows(block, x):  # [B, H, W, D]
    return block(x.flatten(0, 1)).view(x.shape)


def along_columns(block, x):
    columns = x.transpose(1, 2)
    return block(columns.reshape(-1, x.shape[1], x.shape[3])).view(columns.shape).transpose(1, 2)


def shifted(x, axis):
    return torch.cat([torch.zeros_like(x.narrow(axis, 0, 1)), x.narrow(axis, 0, x.shape[axis] - 1)], axis)


class Axial(nn.Module):
    def __init__(self, options, _):
        super().__init__()
        if options["img_channels"] != 1 or options["class_num"] != 0:
            raise ValueError("the plain axial model has one channel and no classes")
        width, heads, factor = options["emb_dim"], options["num_heads"], options["hdim_factor"]
        self.attention = options["attention"]
        self.height, self.width = options["img_height"], options["img_width"]
        self.embs = nn.Embedding(options["num_embs"], width)
        self.pos_h, self.pos_w = nn.Parameter(torch.randn(self.height, width)), nn.Parameter(torch.randn(self.width, width))
        outer = options["num_outer_layers"] if self.attention == "axial" else 0
        self.outer = nn.ModuleList(Block(width, heads, factor, i % 2 == 1) for i in range(outer))
        self.inner = nn.ModuleList(Block(width, heads, factor, True) for _ in range(options["num_inner_layers"]))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, options["num_embs"])

    def places(self):
        return self.pos_h[:, None] + self.pos_w[None]

    def upper(self, h):
        u = h + self.places()
        for i, block in enumerate(self.outer):
            u = along_rows(block, u) if i % 2 == 0 else along_columns(block, u)
        return shifted(u, 1)

    def logits(self, x):
        h = self.embs(x)
        if self.attention == "raster":
            r = shifted(h.flatten(1, 2), 1) + self.places().flatten(0, 1)
            for block in self.inner:
                r = block(r)
            return self.head(self.norm(r)).view(*x.shape, -1)
        r = shifted(h, 2) + self.places()
        if self.attention == "axial":
            r = r + self.upper(h)
        for block in self.inner:
            r = along_rows(block, r)
        return self.head(self.norm(r))

    def generate(self, samples):
        x = torch.zeros(samples, self.height, self.width, dtype=torch.long)
        for y in range(self.height):
            above = self.upper(self.embs(x))[:, y] if self.attention == "axial" else 0
            for column in range(self.width):
                if self.attention == "raster":
                    logits = self.logits(x)[:, y, column]
                else:
                    r = shifted(self.embs(x[:, y]), 1) + self.places()[y] + above
                    for block in self.inner:
                        r = block(r)
                    logits = self.head(self.norm(r[:, column]))
                x[:, y, column] = torch.multinomial(logits.float().softmax(-1), 1)[:, 0]
        return x

    def forward(self, batch):
        if not self.training:
            return self.generate(len(batch["labels"]))
        # What training minimises, as the square root that the common loss squares again.
        x = batch["levels"]
        return F.cross_entropy(self.logits(x).flatten(0, 2).float(), x.flatten()).sqrt()


def make_batch(shape, batch_size):
    generator = torch.Generator().manual_seed(1)
    batch = {"labels": torch.arange(batch_size), "target": torch.zeros(())}
    if "num_embs" in shape:
        sizes = (batch_size, shape["img_height"], shape["img_width"])
        batch["levels"] = torch.randint(shape["num_embs"], sizes, generator=generator)
    return batch
