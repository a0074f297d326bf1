#!/usr/bin/env python3
"""llama.cpp on text decoders of random weights in Q8_0, or in Q4_0 beside "int4", for timing beside `decoder_lm`: `arzoo bench speed` starts it (the protocol of plain_pytorch.py).

The times are llama.cpp's own: of "inference" those of reading a prompt of shape.context tokens, of "generate" those of shape.tokens tokens behind it, without sampling's cost
for the first. One sequence alone. Needs `numpy`, `gguf` and `xllamacpp`, a build of llama.cpp as a Python package.
"""
import json
import os
import sys
import tempfile

import numpy as np

sys.dont_write_bytecode = True
BLOCK = 32  # numbers that share a scale


def q8(rows, columns, random):
    """Random numbers in Q8_0: of each block a half-precision scale and 32 integers."""
    count = rows * columns // BLOCK
    scales = np.full((count, 1), 0.02 / 64, dtype=np.float16).view(np.uint8)
    integers = random.integers(-127, 128, size=(count, BLOCK), dtype=np.int8).view(np.uint8)
    return np.concatenate([scales, integers], axis=1).reshape(rows, columns // BLOCK * (BLOCK + 2))


def q4(rows, columns, random):
    """The same in Q4_0: of each block a scale and 16 bytes of two integers each."""
    count = rows * columns // BLOCK
    scales = np.full((count, 1), 0.02 / 4, dtype=np.float16).view(np.uint8)
    pairs = random.integers(0, 256, size=(count, BLOCK // 2), dtype=np.uint8)
    return np.concatenate([scales, pairs], axis=1).reshape(rows, columns // BLOCK * (BLOCK // 2 + 2))


def write_model(options, path, int4):
    from gguf import GGMLQuantizationType, GGUFWriter

    random, architecture = np.random.default_rng(0), options["architecture"]
    heads, layers, width, words = (options[key] for key in ("num_attention_heads", "num_hidden_layers", "hidden_size", "vocab_size"))
    hidden, groups = options["intermediate_size"] or 4 * width, options["num_key_value_heads"] or heads
    writer = GGUFWriter(path, architecture)

    def matrix(name, rows, columns, bias=False):
        # As beside it, the embedding, which is the head too, keeps 8 bits.
        if int4 and name != "token_embd":
            writer.add_tensor(f"{name}.weight", q4(rows, columns, random), raw_dtype=GGMLQuantizationType.Q4_0)
        else:
            writer.add_tensor(f"{name}.weight", q8(rows, columns, random), raw_dtype=GGMLQuantizationType.Q8_0)
        if bias:
            writer.add_tensor(f"{name}.bias", np.zeros(rows, np.float32))

    def norm(name, bias):
        writer.add_tensor(f"{name}.weight", np.ones(width, np.float32))
        if bias:
            writer.add_tensor(f"{name}.bias", np.zeros(width, np.float32))

    gpt2 = architecture == "gpt2"
    if not gpt2 and architecture != "qwen2":
        raise ValueError(f"no reference for the architecture {architecture!r}")
    writer.add_context_length(options["max_position_embeddings"])
    writer.add_embedding_length(width)
    writer.add_feed_forward_length(hidden)
    writer.add_block_count(layers)
    writer.add_head_count(heads)
    writer.add_file_type(2 if int4 else 7)  # Q4_0, Q8_0
    if gpt2:
        writer.add_layer_norm_eps(1e-5)
    else:
        writer.add_head_count_kv(groups)
        writer.add_layer_norm_rms_eps(1e-6)
        writer.add_rope_freq_base(options["rope_theta"] or 1e6)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list([f"t{i}" for i in range(words)])
    writer.add_token_types([1] * words)
    writer.add_token_merges(["t 0"])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(words - 1)
    matrix("token_embd", words, width)
    if gpt2:
        writer.add_tensor("position_embd.weight", (random.standard_normal((options["max_position_embeddings"], width)) * 0.02).astype(np.float32))
    for layer in range(layers):
        name = f"blk.{layer}"
        norm(f"{name}.attn_norm", gpt2)
        norm(f"{name}.ffn_norm", gpt2)
        if gpt2:
            matrix(f"{name}.attn_qkv", 3 * width, width, bias=True)
        else:
            kv = groups * (width // heads)
            matrix(f"{name}.attn_q", width, width, bias=True)
            matrix(f"{name}.attn_k", kv, width, bias=True)
            matrix(f"{name}.attn_v", kv, width, bias=True)
            matrix(f"{name}.ffn_gate", hidden, width)
        matrix(f"{name}.attn_output", width, width, bias=gpt2)
        matrix(f"{name}.ffn_up", hidden, width, bias=gpt2)
        matrix(f"{name}.ffn_down", width, hidden, bias=gpt2)
    norm("output_norm", gpt2)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


class LlamaCpp:
    def __init__(self, request, folder):
        import xllamacpp

        path = os.path.join(folder, "model.gguf")
        write_model(request["model"], path, request.get("quantize") == "int4")
        params = xllamacpp.CommonParams()
        params.model.path = path
        params.n_ctx, params.n_parallel, params.warmup = request["shape"]["context"] + request["shape"]["tokens"] + 64, 1, False
        for part in (params.cpuparams, params.cpuparams_batch):
            part.n_threads = request["threads"]
        self.server, self.shape = xllamacpp.Server(params), request["shape"]
        self.random, self.words = np.random.default_rng(1), request["model"]["vocab_size"]

    def seconds(self, work):
        generates = work == "generate"
        prompt = self.random.integers(0, self.words - 1, size=self.shape["context"]).tolist()
        answer = self.server.handle_completions({"prompt": prompt, "n_predict": self.shape["tokens"] + 1 if generates else 1, "temperature": 0.0,
                                                 "ignore_eos": True, "cache_prompt": False})  # fmt: skip
        if isinstance(answer, (str, bytes)):
            answer = json.loads(answer)
        times = answer["timings"]
        return (times["predicted_ms"] if generates else times["prompt_ms"]) / 1e3


def main():
    key, model = None, None
    with tempfile.TemporaryDirectory() as folder:
        for line in sys.stdin:
            try:
                request = json.loads(line)
                if request["device"] != "cpu" or request["batch_size"] != 1 or request["work"] == "train_step":
                    raise ValueError("timed on one sequence on a CPU, in inference alone")
                own = json.dumps([request["model"], request["shape"], request.get("quantize")], sort_keys=True)
                if own != key:
                    key, model = None, None
                    key, model = own, LlamaCpp(request, folder)
                answer = {"seconds": [model.seconds(request["work"]) for _ in range(request["repeat"])]}
            except Exception as error:
                answer = {"error": f"{type(error).__name__}: {error}"}
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
