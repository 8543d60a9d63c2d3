"""A BERT encoder's mean-pooled layer outputs, in plain PyTorch, straight from a Hugging Face folder.

Independent of the engine on purpose: no ONNX, no shared code. Needs torch (1.13 or later) and numpy.
"""
import json
import struct

import numpy as np
import torch


def read_safetensors(path):
    with open(path, "rb") as file:
        size = struct.unpack("<Q", file.read(8))[0]
        header = json.loads(file.read(size))
        data = file.read()
    types = {"F16": np.float16, "F32": np.float32}
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__" or entry["dtype"] not in types:
            continue
        begin, end = entry["data_offsets"]
        array = np.frombuffer(data[begin:end], dtype=types[entry["dtype"]]).reshape(entry["shape"])
        tensors[name] = torch.from_numpy(array.astype(np.float32))
    return tensors


class Bert:
    def __init__(self, config_path, weights_path, dtype=torch.float32):
        with open(config_path) as file:
            self.config = json.load(file)
        self.weights = {k: v.to(dtype) for k, v in read_safetensors(weights_path).items()}

    def linear(self, x, name):
        return x @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"]

    def norm(self, x, name):
        w = self.weights
        return torch.nn.functional.layer_norm(
            x, x.shape[-1:], w[f"{name}.weight"], w[f"{name}.bias"], self.config["layer_norm_eps"]
        )

    @torch.no_grad()
    def pooled(self, ids):
        """Mean over tokens of the outputs of every layer, for one list of ids: [layers, hidden]."""
        w, heads = self.weights, self.config["num_attention_heads"]
        ids = torch.tensor(ids)
        x = w["embeddings.word_embeddings.weight"][ids] + w["embeddings.token_type_embeddings.weight"][0]
        x = x + w["embeddings.position_embeddings.weight"][: len(ids)]
        x = self.norm(x, "embeddings.LayerNorm")
        size = x.shape[1] // heads
        outputs = []
        for layer in range(self.config["num_hidden_layers"]):
            at = f"encoder.layer.{layer}."
            q, k, v = (
                self.linear(x, f"{at}attention.self.{part}").view(-1, heads, size).transpose(0, 1)
                for part in ("query", "key", "value")
            )
            attention = torch.softmax(q @ k.transpose(1, 2) / size**0.5, -1) @ v
            attention = attention.transpose(0, 1).reshape(x.shape)
            x = self.norm(
                x + self.linear(attention, f"{at}attention.output.dense"), f"{at}attention.output.LayerNorm"
            )
            inner = torch.nn.functional.gelu(self.linear(x, f"{at}intermediate.dense"))
            x = self.norm(x + self.linear(inner, f"{at}output.dense"), f"{at}output.LayerNorm")
            outputs.append(x.mean(0))
        return torch.stack(outputs)
