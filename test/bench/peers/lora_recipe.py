"""The peer of test/bench/train.mjs: the same recipe in PyTorch. LoRA on query and value of the top layers with a head, two folds and one
fit on all rows, each row held out scored after every epoch beyond the middle. Weights and tokens are random: time does not depend on them.

Prints one line of JSON: {"torch", "lora", "threads", "seconds", "steps"}.
"""

import argparse
import json
import time

import torch
from lora_step import HIDDEN, LAYERS, VOCABULARY, adapted
from torch import nn


def main():
    arguments = argparse.ArgumentParser()
    for name, default in (("threads", 2), ("rows", 200), ("tokens", 32), ("epochs", 5), ("folds", 2), ("batch", 8), ("top", 2)):
        arguments.add_argument(f"--{name}", type=int, default=default)
    options = arguments.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    ids = torch.randint(0, VOCABULARY, (options.rows, options.tokens))
    labels = torch.randint(0, 2, (options.rows,))
    fold = torch.arange(options.rows) % options.folds
    steps, lora = 0, ""

    def features(encoder, batch):
        mask = torch.ones_like(batch)
        return encoder(batch, mask).mean(1)

    def model():
        nonlocal lora
        encoder, lora = adapted(range(LAYERS - options.top, LAYERS))
        return encoder

    def fit(encoder, rows, held_out):
        nonlocal steps
        head = nn.Linear(HIDDEN, 2)
        trained = [p for p in [*encoder.parameters(), *head.parameters()] if p.requires_grad]
        optimizer = torch.optim.AdamW(trained, lr=1e-3, weight_decay=0.01)
        for epoch in range(1, options.epochs + 1):
            for batch in rows[torch.randperm(len(rows))].tensor_split(max(1, round(len(rows) / options.batch))):
                optimizer.zero_grad(set_to_none=True)
                loss = nn.functional.cross_entropy(head(features(encoder, ids[batch])), labels[batch])
                loss.backward()
                nn.utils.clip_grad_norm_(trained, 1.0)
                optimizer.step()
                steps += 1
            if epoch > options.epochs / 2 and len(held_out):
                with torch.no_grad():
                    for batch in held_out.split(options.batch):
                        head(features(encoder, ids[batch]))

    every = torch.arange(options.rows)
    fit(model(), every[:32], every[:0])
    steps = 0
    models = [model() for _ in range(options.folds + 1)]
    start = time.perf_counter()
    for number in range(options.folds):
        fit(models[number], every[fold != number], every[fold == number])
    fit(models[-1], every, every[:0])
    seconds = time.perf_counter() - start
    print(json.dumps({"torch": torch.__version__, "lora": lora, "threads": options.threads, "seconds": seconds, "steps": steps}))


main()
