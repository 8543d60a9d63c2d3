"""Records gradients and ten AdamW steps of a MiniLM-shaped encoder with LoRA, computed by PyTorch in float64.

Six layers, twelve heads, post-norm, exact GELU, as all-MiniLM-L6-v2, with hidden size and vocabulary reduced and weights random. LoRA
(r=4, alpha=8) on query and value, mean pooling, a linear head, softmax cross-entropy with class weights and label smoothing, clipping by
global norm, AdamW with decay on matrices only.

    python3 recording/training-steps.py        (made with torch 1.13.0, numpy 1.24.2)

Writes fixtures/training-steps.safetensors: the encoder's weights (float16, names of transformers' BertModel), inputs, initial parameters,
gradients, and parameters after ten steps (float64 results stored as float32), all in the order in which they lie in a user's flat vector.
"""

import json
import math
import pathlib
import struct

import numpy as np
import torch

HIDDEN, HEADS, LAYERS, INNER, VOCABULARY, POSITIONS = 48, 12, 6, 192, 64, 32
RANK, ALPHA, LABELS, ROWS, TOKENS = 4, 8, 3, 8, 12
RATES = {"adapter": 1e-3, "head": 5e-3}

torch.manual_seed(20)
torch.set_default_dtype(torch.float64)


def recorded(*shape, scale):
    return (torch.randn(*shape) * scale).half()


weights = {
    "embeddings.word_embeddings.weight": recorded(VOCABULARY, HIDDEN, scale=0.5),
    "embeddings.position_embeddings.weight": recorded(POSITIONS, HIDDEN, scale=0.1),
    "embeddings.token_type_embeddings.weight": recorded(2, HIDDEN, scale=0.1),
    "embeddings.LayerNorm.weight": 1 + recorded(HIDDEN, scale=0.1),
    "embeddings.LayerNorm.bias": recorded(HIDDEN, scale=0.1),
}
for layer in range(LAYERS):
    at = f"encoder.layer.{layer}."
    for name, rows, columns in (
        ("attention.self.query", HIDDEN, HIDDEN),
        ("attention.self.key", HIDDEN, HIDDEN),
        ("attention.self.value", HIDDEN, HIDDEN),
        ("attention.output.dense", HIDDEN, HIDDEN),
        ("intermediate.dense", INNER, HIDDEN),
        ("output.dense", HIDDEN, INNER),
    ):
        weights[at + name + ".weight"] = recorded(rows, columns, scale=1 / math.sqrt(columns))
        weights[at + name + ".bias"] = recorded(rows, scale=0.1)
    for name in ("attention.output.LayerNorm", "output.LayerNorm"):
        weights[at + name + ".weight"] = 1 + recorded(HIDDEN, scale=0.1)
        weights[at + name + ".bias"] = recorded(HIDDEN, scale=0.1)
frozen = {name: value.double() for name, value in weights.items()}

ids = torch.randint(0, VOCABULARY, (ROWS, TOKENS))
lengths = torch.tensor([12, 9, 12, 5, 1, 7, 12, 10])
mask = (torch.arange(TOKENS)[None, :] < lengths[:, None]).long()
labels = torch.tensor([0, 1, 2, 0, 1, 2, 2, 1])
class_weights = torch.tensor([1.0, 0.5, 2.0])

# In the flat vector's order: LoRA by layer, query before value, A [in, r] before B [r, out]; then the head.
parameters, group, decay = {}, {}, {}
for layer in range(LAYERS):
    for role in ("query", "value"):
        for name, shape in (("a", (HIDDEN, RANK)), ("b", (RANK, HIDDEN))):
            key = f"{layer}.{role}.{name}"
            parameters[key] = torch.randn(shape).mul(0.1).float().double().requires_grad_()
            group[key], decay[key] = "adapter", True
parameters["head.weight"] = torch.randn(LABELS, HIDDEN).mul(0.1).float().double().requires_grad_()
parameters["head.bias"] = torch.zeros(LABELS).requires_grad_()
group.update({"head.weight": "head", "head.bias": "head"})
decay.update({"head.weight": True, "head.bias": False})


def linear(x, name):
    return torch.nn.functional.linear(x, frozen[name + ".weight"], frozen[name + ".bias"])


def norm(x, name):
    return torch.nn.functional.layer_norm(x, (HIDDEN,), frozen[name + ".weight"], frozen[name + ".bias"], 1e-12)


def adapted(x, layer, role):
    base = linear(x, f"encoder.layer.{layer}.attention.self.{role}")
    return base + x @ parameters[f"{layer}.{role}.a"] @ parameters[f"{layer}.{role}.b"] * (ALPHA / RANK)


def heads(x):
    return x.view(ROWS, TOKENS, HEADS, HIDDEN // HEADS).permute(0, 2, 1, 3)


def loss():
    x = frozen["embeddings.word_embeddings.weight"][ids]
    x = x + frozen["embeddings.position_embeddings.weight"][:TOKENS]
    x = norm(x + frozen["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
    additive = (1 - mask[:, None, None, :].double()) * torch.finfo(torch.float32).min
    for layer in range(LAYERS):
        at = f"encoder.layer.{layer}."
        query, value = heads(adapted(x, layer, "query")), heads(adapted(x, layer, "value"))
        key = heads(linear(x, at + "attention.self.key"))
        scores = (query @ key.transpose(-1, -2) / math.sqrt(HIDDEN // HEADS) + additive).softmax(-1)
        context = (scores @ value).permute(0, 2, 1, 3).reshape(ROWS, TOKENS, HIDDEN)
        x = norm(linear(context, at + "attention.output.dense") + x, at + "attention.output.LayerNorm")
        inner = torch.nn.functional.gelu(linear(x, at + "intermediate.dense"))
        x = norm(linear(inner, at + "output.dense") + x, at + "output.LayerNorm")
    weights = mask[:, :, None].double()
    pooled = (x * weights).sum(1) / weights.sum(1)
    scores = pooled @ parameters["head.weight"].T + parameters["head.bias"]
    return torch.nn.functional.cross_entropy(scores, labels, weight=class_weights, label_smoothing=0.1)


def flat(tensors):
    return torch.cat([tensor.detach().reshape(-1) for tensor in tensors]).float()


optimizer = torch.optim.AdamW(
    [
        {"params": [value], "lr": RATES[group[key]], "weight_decay": 0.01 if decay[key] else 0.0}
        for key, value in parameters.items()
    ]
)
results = {"initial": flat(parameters.values())}
losses = []
for step in range(10):
    optimizer.zero_grad()
    value = loss()
    value.backward()
    losses.append(value.item())
    if step == 0:
        results["gradient"] = flat(parameter.grad for parameter in parameters.values())
    torch.nn.utils.clip_grad_norm_(parameters.values(), 1.0)
    optimizer.step()
results["final"] = flat(parameters.values())
results["losses"] = torch.tensor(losses).float()
results["input_ids"] = ids.int()
results["attention_mask"] = mask.int()
results["labels"] = labels.int()

# safetensors: 8 bytes length, JSON header, data.
names = {torch.float16: "F16", torch.float32: "F32", torch.int32: "I32"}
header, data = {}, b""
for name, tensor in {**weights, **results}.items():
    content = np.ascontiguousarray(tensor.numpy()).tobytes()
    header[name] = {
        "dtype": names[tensor.dtype],
        "shape": list(tensor.shape),
        "data_offsets": [len(data), len(data) + len(content)],
    }
    data += content
header["__metadata__"] = {
    "config": json.dumps(
        {
            "model_type": "bert",
            "vocab_size": VOCABULARY,
            "hidden_size": HIDDEN,
            "num_hidden_layers": LAYERS,
            "num_attention_heads": HEADS,
            "intermediate_size": INNER,
            "max_position_embeddings": POSITIONS,
            "type_vocab_size": 2,
            "hidden_act": "gelu",
            "layer_norm_eps": 1e-12,
        }
    )
}
encoded = json.dumps(header).encode()
encoded += b" " * (-len(encoded) % 8)
file = pathlib.Path(__file__).parents[1] / "fixtures" / "training-steps.safetensors"
file.write_bytes(struct.pack("<Q", len(encoded)) + encoded + data)
print(f"{file.name}: {file.stat().st_size} bytes; losses {losses[0]:.6f} → {losses[-1]:.6f}")
