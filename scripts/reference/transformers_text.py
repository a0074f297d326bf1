#!/usr/bin/env python3
"""Text decoders in Hugging Face transformers with random weights, for timing beside `decoder_lm`: `arzoo bench speed` starts it (the protocol of plain_pytorch.py).

work: "inference" is the prefill of shape.context tokens to the logits of the last; "generate" shape.tokens greedy tokens behind such a prompt, which has been read before,
by the model's own cache and without the overhead of `generate()`; "train_step" a step of Adam on shape.context tokens. With `--compile` the model is compiled too
(torch.compile), and each answer is of the faster one. Needs `torch` and `transformers`.
"""
import json
import sys
import time

import torch

sys.dont_write_bytecode = True
from plain_pytorch import PeakMemory  # noqa: E402


def make_model(options):
    from transformers import AutoModelForCausalLM, GPT2Config, Qwen2Config

    sizes = {"vocab_size": options["vocab_size"], "attn_implementation": "eager"}
    heads, layers, width, hidden = (options[key] for key in ("num_attention_heads", "num_hidden_layers", "hidden_size", "intermediate_size"))
    if options["architecture"] == "gpt2":
        config = GPT2Config(n_embd=width, n_layer=layers, n_head=heads, n_inner=hidden or None, n_positions=options["max_position_embeddings"],
                            resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, **sizes)  # fmt: skip
    elif options["architecture"] == "qwen2":
        config = Qwen2Config(hidden_size=width, num_hidden_layers=layers, num_attention_heads=heads, intermediate_size=hidden or 4 * width,
                             num_key_value_heads=options["num_key_value_heads"] or heads, rope_theta=options["rope_theta"] or 1e6,
                             tie_word_embeddings=bool(options["tie_word_embeddings"]), **sizes)  # fmt: skip
    else:
        raise ValueError(f"no reference for the architecture {options['architecture']!r}")
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(config)


class Text:
    """One model, and what it is asked to do."""

    def __init__(self, request):
        self.model, self.shape, self.rows = make_model(request["model"]), request["shape"], request["batch_size"]
        vocabulary, context = request["model"]["vocab_size"], self.shape["context"]
        generator = torch.Generator().manual_seed(1)
        self.prompt = torch.randint(vocabulary, (self.rows, context), generator=generator)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-4)
        self.forwards = {"eager": self.model}
        if "--compile" in sys.argv:
            self.forwards["compile"] = torch.compile(self.model)
        self.read = None  # the cache behind the prompt, and the token that follows
        self.fastest = {}

    def train_step(self, forward):
        self.optimizer.zero_grad()
        loss = forward(self.prompt, labels=self.prompt).loss
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def inference(self, forward):
        with torch.no_grad():
            return forward(self.prompt, use_cache=True, logits_to_keep=1)

    def generate(self, forward):
        context = self.prompt.shape[1]
        if self.read is None:
            answer = self.inference(self.model)
            self.read = answer.past_key_values, answer.logits[:, -1].argmax(-1, keepdim=True)
        cache, token = self.read
        if behind := cache.get_seq_length() - context:
            cache.crop(-behind)  # releases differ in what a positive number means
        with torch.no_grad():
            for _ in range(self.shape["tokens"]):
                token = forward(token, past_key_values=cache, use_cache=True, logits_to_keep=1).logits[:, -1].argmax(-1, keepdim=True)
        return token

    def seconds(self, work, name):
        start = time.perf_counter()
        getattr(self, work)(self.forwards[name])
        return time.perf_counter() - start

    def best(self, work):
        if work not in self.fastest:
            for name in self.forwards:
                self.seconds(work, name)  # compiles
            self.fastest[work] = min(self.forwards, key=lambda name: min(self.seconds(work, name) for _ in range(2)))
            print(f"{work}: {self.fastest[work]}", file=sys.stderr)
        return self.fastest[work]


def main():
    key, text = None, None
    for line in sys.stdin:
        try:
            request = json.loads(line)
            torch.set_num_threads(request["threads"])
            if request["dtype"] != "fp32" or request["device"] != "cpu":
                raise ValueError("timed in fp32 on a CPU alone")
            own = json.dumps([request["model"], request["shape"], request["batch_size"], request["work"]], sort_keys=True)
            if own != key:
                key, text = None, None  # the old one's memory goes first
                key, text = own, Text(request)
            text.model.train(request["work"] == "train_step")
            name = text.best(request["work"])
            memory = PeakMemory(torch.device("cpu"))
            answer = {"seconds": [text.seconds(request["work"], name) for _ in range(request["repeat"])]}
            peak = memory.bytes()
            answer = answer if peak is None else answer | {"peak_memory_bytes": peak}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
