"""The peer of test/bench/graph.mjs: one LoRA training step of MiniLM's shape in PyTorch.

PEFT is used where it is installed with transformers; else the same modules are written out here: a BERT encoder as
transformers has it, LoRA on query and value as peft.tuners.lora.Linear computes it (base(x) + B(A(x)) * alpha / r, base frozen),
mean pooling, a linear head, AdamW over LoRA and head, clipping by global norm. Weights are random: time does not depend on them.

Prints one line of JSON: {"torch", "lora", "threads", "gemm_gflops", "step_ms": {"16x32": ...}}.
"""

import argparse
import json
import math
import time

import torch
from torch import nn

HIDDEN, HEADS, LAYERS, INNER, VOCABULARY, POSITIONS = 384, 12, 6, 1536, 30522, 512
RANK, ALPHA = 8, 16


class LoraLinear(nn.Module):
    def __init__(self, base: nn.Linear):
        super().__init__()
        self.base = base
        self.a = nn.Linear(base.in_features, RANK, bias=False)
        self.b = nn.Linear(RANK, base.out_features, bias=False)
        nn.init.zeros_(self.b.weight)

    def forward(self, x):
        return self.base(x) + self.b(self.a(x)) * (ALPHA / RANK)


class Block(nn.Module):
    """transformers, modeling_bert.py: BertLayer."""

    def __init__(self):
        super().__init__()
        self.query, self.key, self.value, self.output = (nn.Linear(HIDDEN, HIDDEN) for _ in range(4))
        self.norm1, self.norm2 = nn.LayerNorm(HIDDEN, eps=1e-12), nn.LayerNorm(HIDDEN, eps=1e-12)
        self.inner, self.outer = nn.Linear(HIDDEN, INNER), nn.Linear(INNER, HIDDEN)

    def forward(self, x, mask):
        def heads(y):
            return y.view(*y.shape[:2], HEADS, HIDDEN // HEADS).permute(0, 2, 1, 3)

        query, key, value = heads(self.query(x)), heads(self.key(x)), heads(self.value(x))
        scores = query @ key.transpose(-1, -2) / math.sqrt(HIDDEN // HEADS) + mask
        context = (scores.softmax(-1) @ value).permute(0, 2, 1, 3).reshape(x.shape)
        x = self.norm1(self.output(context) + x)
        return self.norm2(self.outer(nn.functional.gelu(self.inner(x))) + x)


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.words, self.positions = nn.Embedding(VOCABULARY, HIDDEN), nn.Embedding(POSITIONS, HIDDEN)
        self.types, self.norm = nn.Embedding(2, HIDDEN), nn.LayerNorm(HIDDEN, eps=1e-12)
        self.blocks = nn.ModuleList(Block() for _ in range(LAYERS))

    def forward(self, ids, mask):
        x = self.words(ids) + self.positions(torch.arange(ids.shape[1])) + self.types(torch.zeros_like(ids))
        x = self.norm(x)
        additive = (1.0 - mask[:, None, None, :].float()) * torch.finfo(torch.float32).min
        for block in self.blocks:
            x = block(x, additive)
        return x


def written_out(layers):
    encoder = Encoder().requires_grad_(False)
    for block in (encoder.blocks[layer] for layer in layers):
        block.query, block.value = LoraLinear(block.query), LoraLinear(block.value)
    return encoder, "LoRA written out as PEFT computes it (peft is not installed)"


def with_peft(layers):
    import peft
    from transformers import BertConfig, BertModel

    config = BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=HIDDEN,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        intermediate_size=INNER,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    lora = peft.LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=["query", "value"], layers_to_transform=list(layers), lora_dropout=0.0)
    model = peft.get_peft_model(BertModel(config, add_pooling_layer=False), lora)

    class Hidden(nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, ids, mask):
            return self.model(input_ids=ids, attention_mask=mask).last_hidden_state

    return Hidden(), f"PEFT {peft.__version__}"


def adapted(layers=range(LAYERS)):
    """An encoder with LoRA in these layers, and how it was made."""
    try:
        return with_peft(layers)
    except ImportError:
        return written_out(layers)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--seconds", type=float, default=4)
    arguments.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    options = arguments.parse_args()
    clock = time.process_time if options.clock == "cpu" else time.perf_counter
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    encoder, lora = adapted()
    encoder.train()
    head = nn.Linear(HIDDEN, 2)
    trained = [p for p in [*encoder.parameters(), *head.parameters()] if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-3, weight_decay=0.01)

    def step(ids, mask, labels):
        optimizer.zero_grad(set_to_none=True)
        hidden = encoder(ids, mask)
        weights = mask[:, :, None].float()
        pooled = (hidden * weights).sum(1) / weights.sum(1).clamp(min=1e-9)
        loss = nn.functional.cross_entropy(head(pooled), labels)
        loss.backward()
        nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        return loss.item()

    step_ms = {}
    for rows, tokens in ((16, 32), (16, 64), (32, 128)):
        ids = torch.randint(0, VOCABULARY, (rows, tokens))
        batch = ids, torch.ones_like(ids), torch.randint(0, 2, (rows,))
        for _ in range(3):
            step(*batch)
        times, end = [], time.perf_counter() + options.seconds
        while time.perf_counter() < end or len(times) < 5:
            start = clock()
            step(*batch)
            times.append(1000 * (clock() - start))
        step_ms[f"{rows}x{tokens}"] = min(times)
    # The library of matrix products decides more than anything else: a build on the reference BLAS is no peer.
    a = torch.randn(1024, 1024)
    times = []
    for _ in range(20):
        start = clock()
        a @ a
        times.append(clock() - start)
    gflops = 2 * 1024**3 / min(times) / 1e9
    answer = {"torch": torch.__version__, "lora": lora, "threads": options.threads, "gemm_gflops": gflops, "step_ms": step_ms}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
