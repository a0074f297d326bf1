#!/usr/bin/env python3
"""Writes tests/fixtures/checkpoints/forms: one small file for each form in which trainers save their models.

    python3 scripts/reference/checkpoint_forms.py [FOLDER]

The models are random and tiny, their outputs come from the plain PyTorch models beside this file. Needs only `torch`.
"""
import argparse
import datetime
import json
import pathlib
import sys
import types

import torch

sys.dont_write_bytecode = True  # the models lie beside this file, in a source tree
from plain_models.garg_gpt2 import GargGpt2  # noqa: E402
from plain_models.itransformer import ITransformer  # noqa: E402

ITRANSFORMER = {"model": "iTransformer", "seq_len": 12, "label_len": 6, "pred_len": 4, "enc_in": 3, "dec_in": 3, "c_out": 3, "d_model": 8,
                "n_heads": 2, "e_layers": 1, "d_ff": 8, "dropout": 0.1, "activation": "gelu", "use_norm": True, "freq": "h"}
GARG = {"n_embd": 8, "n_layer": 1, "n_head": 2, "n_dims": 3, "n_points": 6}


def renamed(module, names):
    """The state dict with each beginning of a name replaced; None leaves the tensor out."""
    out = {}
    for key, value in module.state_dict().items():
        for old, new in names:
            if key.startswith(old):
                key = None if new is None else new + key[len(old):]
                break
        if key is not None:
            out[key] = value
    return out


class Holder(torch.nn.Module):
    """Parameters under dotted names, to be wrapped as trainers wrap their models."""

    def __init__(self, tensors):
        super().__init__()
        for key, value in tensors.items():
            *path, last = key.split(".")
            module = self
            for part in path:
                if part not in module._modules:
                    module.add_module(part, torch.nn.Module())
                module = module._modules[part]
            module.register_parameter(last, torch.nn.Parameter(value, requires_grad=False))


def itransformer(out):
    """As the Time-Series-Library saves it, through DataParallel and torch.compile, and in shards of .bin."""
    options = ITRANSFORMER
    model = ITransformer(options, options).eval()
    attention = "encoder.attn_layers.0.attention."
    weights = renamed(model, [("embedding.", "enc_embedding.value_embedding."), ("layers.0.attention.query.", attention + "query_projection."),
                              ("layers.0.attention.key.", attention + "key_projection."),
                              ("layers.0.attention.value.", attention + "value_projection."),
                              ("layers.0.attention.out.", attention + "out_projection."), ("layers.0.", "encoder.attn_layers.0."),
                              ("norm.", "encoder.norm."), ("projector.", "projection.")])
    official = {key.replace("projection.", "projector.", 1) if key.startswith("projection.") else key: value for key, value in weights.items()}
    torch.save(weights, out / "itransformer_tslib.pth")
    torch.save(torch.compile(Holder(official)).state_dict(), out / "itransformer_compiled.pth")
    torch.save(torch.nn.DataParallel(torch.compile(Holder(official))).state_dict(), out / "itransformer_parallel.pth")
    batch = {"x_enc": torch.randn(2, options["seq_len"], options["enc_in"]), "x_mark_enc": torch.randn(2, options["seq_len"], 4) * 0.3}
    torch.save({**batch, "forecast": model(batch)}, out / "itransformer_expected.pth")
    (out / "itransformer.json").write_text(json.dumps(options, indent=2) + "\n")

    shards = out / "sharded"
    shards.mkdir(exist_ok=True)
    keys, index = list(official), {}
    for number, part in enumerate((keys[:7], keys[7:]), 1):
        name = f"pytorch_model-{number:05d}-of-00002.bin"
        torch.save({key: official[key] for key in part}, shards / name)
        index.update({key: name for key in part})
    (shards / "pytorch_model.bin.index.json").write_text(json.dumps({"metadata": {}, "weight_map": index}, indent=2) + "\n")
    (shards / "config.json").write_text(json.dumps(options, indent=2) + "\n")


def garg(out):
    """state.pt of the in-context learning code under an older transformers, whose GPT-2 kept its masks as buffers."""
    model = GargGpt2(GARG, GARG).eval()
    tokens = 2 * GARG["n_points"]
    weights = renamed(model, [("read_in.", "_read_in."), ("read_out.", "_read_out."), ("wpe.", "_backbone.wpe."), ("ln_f.", "_backbone.ln_f."),
                              ("blocks.0.attn.mask", None), ("blocks.0.mlp.0.", "_backbone.h.0.mlp.c_fc."),
                              ("blocks.0.mlp.2.", "_backbone.h.0.mlp.c_proj."), ("blocks.", "_backbone.h.")])
    weights["_backbone.wte.weight"] = torch.randn(5, GARG["n_embd"])
    weights["_backbone.h.0.attn.bias"] = torch.ones(tokens, tokens, dtype=torch.uint8).tril().view(1, 1, tokens, tokens)
    weights["_backbone.h.0.attn.masked_bias"] = torch.tensor(-1e4)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
    xs, ys = torch.randn(2, GARG["n_points"], GARG["n_dims"]), torch.randn(2, GARG["n_points"])
    torch.save({"model_state_dict": weights, "optimizer_state_dict": optimizer.state_dict(), "train_step": 10}, out / "garg_state.pt")
    torch.save({"xs": xs, "ys": ys, "predictions": model({"xs": xs, "target": ys})}, out / "garg_expected.pt")


def student(out):
    """A VAR's student of Distilled Decoding 1 with scales 1, 2, 3: the average has parameters alone, no buffers."""
    width, heads, codes, depth_of_code, classes, tokens = 8, 2, 6, 4, 3, 1 + 14
    shapes = {"pos_start": [1, 1, width], "pos_1LC": [1, tokens, width], "word_embed.weight": [width, depth_of_code], "word_embed.bias": [width],
              "class_emb.weight": [classes + 1, width], "lvl_embed.weight": [4, width], "blocks.0.attn.scale_mul_1H11": [1, heads, 1, 1],
              "blocks.0.attn.q_bias": [width], "blocks.0.attn.v_bias": [width], "blocks.0.attn.mat_qkv.weight": [3 * width, width],
              "blocks.0.attn.proj.weight": [width, width], "blocks.0.attn.proj.bias": [width], "blocks.0.ffn.fc1.weight": [4 * width, width],
              "blocks.0.ffn.fc1.bias": [4 * width], "blocks.0.ffn.fc2.weight": [width, 4 * width], "blocks.0.ffn.fc2.bias": [width],
              "blocks.0.ada_lin.1.weight": [6 * width, width], "blocks.0.ada_lin.1.bias": [6 * width],
              "head_nm.ada_lin.1.weight": [2 * width, width], "head_nm.ada_lin.1.bias": [2 * width], "head.weight": [codes, width],
              "head.bias": [codes], "n_d_embed.weight": [2, width], "layerwise_n_d_embed.0.weight": [width, width],
              "layerwise_n_d_embed.0.bias": [width], "layerwise_n_d_embed.1.weight": [width, width], "layerwise_n_d_embed.1.bias": [width],
              "final_layer_conti.linear.weight": [depth_of_code, width], "final_layer_conti.linear.bias": [depth_of_code],
              "final_layer_conti.scale_shift_table": [2, width]}
    average = {key: torch.randn(shape) * 0.1 for key, shape in shapes.items()}
    model = {"head.bias": average["head.bias"] + 1, "lvl_1L": torch.zeros(1, tokens, dtype=torch.long)}
    torch.save({"trainer": {"ema_parameters": average, "var_wo_ddp": model}, "args": argparse.Namespace(depth=1)}, out / "student.pth")


def foreign(path):
    """A class of a library that is not there, as pickles name it."""
    module, _, name = path.rpartition(".")
    made = type(name, (), {"__module__": module})
    for i in range(1, module.count(".") + 2):
        part = ".".join(module.split(".")[:i])
        sys.modules.setdefault(part, types.ModuleType(part))
    setattr(sys.modules[module], name, made)
    return made


def lightning(out):
    """A KL-VAE as it was trained: weights and losses in state_dict, the rest of Lightning's state, objects of many classes around them."""
    callback, config = foreign("pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint"), foreign("omegaconf.dictconfig.DictConfig")
    parameters = config()
    parameters.content = {"embed_dim": 4, "ckpt": pathlib.PurePosixPath("runs/kl.ckpt")}
    weights = {"encoder.conv_in.weight": torch.randn(4, 3, 3, 3), "quant_conv.weight": torch.randn(2, 2, 1, 1),
               "post_quant_conv.weight": torch.randn(2, 1, 1, 1), "loss.logvar": torch.zeros(())}
    torch.save({"epoch": 3, "global_step": 100, "pytorch-lightning_version": "1.4.2", "state_dict": weights,
                "callbacks": {callback: {"best_model_score": torch.tensor(0.5), "dirpath": pathlib.PurePosixPath("runs")},
                              "EMA": {"weights": {"encoder.conv_in.weight": torch.zeros(4, 3, 3, 3)}}},
                "optimizer_states": [{"state": {0: {"exp_avg": torch.zeros(4)}}, "param_groups": [{"lr": 1e-4, "params": [0]}]}],
                "lr_schedulers": [], "hyper_parameters": parameters, "started": datetime.datetime(2024, 5, 17, 9, 30),
                "took": datetime.timedelta(hours=2), "note": types.SimpleNamespace(author="a", seeds={1, 2})}, out / "kl_lightning.ckpt")


def trainer(out):
    """MAR's checkpoint-last.pth: the weights, their average, the optimizer, the arguments."""
    weights = {"class_emb.weight": torch.randn(3, 4), "diffloss.net.input_proj.weight": torch.randn(4, 2)}
    average = {key: value * 0.5 for key, value in weights.items()}
    torch.save({"model": weights, "model_ema": average, "optimizer": {"state": {0: {"exp_avg": torch.zeros(4)}}, "param_groups": []},
                "epoch": 7, "args": argparse.Namespace(lr=1e-4, output_dir=pathlib.PurePosixPath("out"))}, out / "mar_trainer.pth")


def llamagen(out):
    """A few tensors of LlamaGen under their official names."""
    torch.save({"model": {"cls_embedding.embedding_table.weight": torch.randn(3, 4), "tok_embeddings.weight": torch.randn(5, 4),
                          "layers.0.attention.wqkv.weight": torch.randn(12, 4), "norm.weight": torch.ones(4),
                          "output.weight": torch.randn(5, 4)}}, out / "llamagen.pt")


def subclass(out):
    """A weight that only code of its own class could make."""
    torch.save({"weight": torch.ones(2).as_subclass(foreign_tensor())}, out / "subclass.pth")


def foreign_tensor():
    module = types.ModuleType("quantised")
    module.Int4Tensor = type("Int4Tensor", (torch.Tensor,), {"__module__": "quantised"})
    sys.modules["quantised"] = module
    return module.Int4Tensor


def main():
    here = pathlib.Path(__file__).resolve().parents[2] / "tests" / "fixtures" / "checkpoints" / "forms"
    out = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else here
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(1)
    with torch.no_grad():
        for write in (itransformer, garg, student, lightning, trainer, llamagen, subclass):
            write(out)


if __name__ == "__main__":
    main()
