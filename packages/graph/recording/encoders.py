"""Records tiny randomly weighted encoders and what PyTorch answers: fixtures/encoders/{bert,roberta,distilbert,mpnet}.*

Needs Debian's python3-torch (1.13.1). There is no transformers package, so each family's embeddings, attention and
names are written out after its modeling file (transformers 4.40: modeling_{bert,roberta,distilbert,mpnet}.py). The forward
runs in float64 on the float32 weights that are saved.

    /usr/bin/python3 packages/graph/recording/encoders.py
"""
import json
import math
import struct
from pathlib import Path

import torch
import torch.nn.functional as F

OUT = Path(__file__).parent.parent / 'fixtures' / 'encoders'
HIDDEN, HEADS, LAYERS, INNER, VOCABULARY = 24, 3, 2, 40, 50

SHARED = {
    'hidden_size': HIDDEN,
    'num_attention_heads': HEADS,
    'num_hidden_layers': LAYERS,
    'intermediate_size': INNER,
    'vocab_size': VOCABULARY,
    'hidden_act': 'gelu',
}
BERT_NAMES = {
    'q': 'attention.self.query', 'k': 'attention.self.key', 'v': 'attention.self.value', 'o': 'attention.output.dense',
    'n1': 'attention.output.LayerNorm', 'inner': 'intermediate.dense', 'outer': 'output.dense', 'n2': 'output.LayerNorm',
}
FAMILIES = {
    'bert': dict(
        config={**SHARED, 'model_type': 'bert', 'hidden_act': 'gelu_new', 'max_position_embeddings': 16,
                'type_vocab_size': 2, 'layer_norm_eps': 1e-12, 'pad_token_id': 0},
        names=BERT_NAMES, blocks='encoder.layer', prefix='bert.', types=2, positions=16, padding=None,
    ),
    'roberta': dict(
        config={**SHARED, 'model_type': 'xlm-roberta', 'max_position_embeddings': 18, 'type_vocab_size': 1,
                'layer_norm_eps': 1e-5, 'pad_token_id': 1},
        names=BERT_NAMES, blocks='encoder.layer', prefix='roberta.', types=1, positions=18, padding=1,
    ),
    'distilbert': dict(
        config={'model_type': 'distilbert', 'dim': HIDDEN, 'n_heads': HEADS, 'n_layers': LAYERS, 'hidden_dim': INNER,
                'vocab_size': VOCABULARY, 'activation': 'gelu', 'max_position_embeddings': 16, 'pad_token_id': 0},
        names={'q': 'attention.q_lin', 'k': 'attention.k_lin', 'v': 'attention.v_lin', 'o': 'attention.out_lin',
               'n1': 'sa_layer_norm', 'inner': 'ffn.lin1', 'outer': 'ffn.lin2', 'n2': 'output_layer_norm'},
        blocks='transformer.layer', prefix='', types=0, positions=16, padding=None,
    ),
    'mpnet': dict(
        config={**SHARED, 'model_type': 'mpnet', 'max_position_embeddings': 202, 'layer_norm_eps': 1e-5,
                'relative_attention_num_buckets': 32, 'pad_token_id': 1},
        names={'q': 'attention.attn.q', 'k': 'attention.attn.k', 'v': 'attention.attn.v', 'o': 'attention.attn.o',
               'n1': 'attention.LayerNorm', 'inner': 'intermediate.dense', 'outer': 'output.dense', 'n2': 'output.LayerNorm'},
        blocks='encoder.layer', prefix='mpnet.', types=0, positions=202, padding=1,
    ),
}


def random_weights(family):
    w = {}
    linear = lambda name, size, inputs: w.update({
        f'{name}.weight': torch.randn(size, inputs) / math.sqrt(inputs), f'{name}.bias': torch.randn(size) * 0.1})
    norm = lambda name: w.update({f'{name}.weight': 1 + 0.1 * torch.randn(HIDDEN), f'{name}.bias': 0.1 * torch.randn(HIDDEN)})
    w['embeddings.word_embeddings.weight'] = torch.randn(VOCABULARY, HIDDEN)
    w['embeddings.position_embeddings.weight'] = torch.randn(family['positions'], HIDDEN) * 0.5
    if family['types']:
        w['embeddings.token_type_embeddings.weight'] = torch.randn(family['types'], HIDDEN) * 0.5
    norm('embeddings.LayerNorm')
    for layer in range(LAYERS):
        names = {key: f"{family['blocks']}.{layer}.{name}" for key, name in family['names'].items()}
        for key in 'qkvo':
            linear(names[key], HIDDEN, HIDDEN)
        linear(names['inner'], INNER, HIDDEN)
        linear(names['outer'], HIDDEN, INNER)
        norm(names['n1'])
        norm(names['n2'])
    if family['config']['model_type'] == 'mpnet':
        w['encoder.relative_attention_bias.weight'] = torch.randn(32, HEADS)
    return w


def relative_position_bucket(relative_position, num_buckets=32, max_distance=128):
    """modeling_mpnet.py."""
    n = -relative_position
    num_buckets //= 2
    ret = (n < 0).to(torch.long) * num_buckets
    n = torch.abs(n)
    max_exact = num_buckets // 2
    is_small = n < max_exact
    val_if_large = max_exact + (
        torch.log(n.float() / max_exact) / math.log(max_distance / max_exact) * (num_buckets - max_exact)
    ).to(torch.long)
    val_if_large = torch.min(val_if_large, torch.full_like(val_if_large, num_buckets - 1))
    return ret + torch.where(is_small, n, val_if_large)


def forward(family, w, ids, mask):
    config = family['config']
    epsilon = config.get('layer_norm_eps', 1e-12)
    activation = config.get('hidden_act') or config['activation']
    w = {name: tensor.double() for name, tensor in w.items()}
    linear = lambda x, name: F.linear(x, w[f'{name}.weight'], w[f'{name}.bias'])
    norm = lambda x, name: F.layer_norm(x, (HIDDEN,), w[f'{name}.weight'], w[f'{name}.bias'], epsilon)
    batch, length = ids.shape
    if family['padding'] is None:
        positions = torch.arange(length).expand(batch, length)
    else:
        real = ids.ne(family['padding']).long()
        positions = torch.cumsum(real, 1) * real + family['padding']
    x = w['embeddings.word_embeddings.weight'][ids] + w['embeddings.position_embeddings.weight'][positions]
    if family['types']:
        x = x + w['embeddings.token_type_embeddings.weight'][0]
    x = norm(x, 'embeddings.LayerNorm')
    bias = (1.0 - mask[:, None, None, :].double()) * torch.finfo(torch.float32).min
    if config['model_type'] == 'mpnet':
        place = torch.arange(length)
        buckets = relative_position_bucket(place[None, :] - place[:, None])
        bias = bias + w['encoder.relative_attention_bias.weight'][buckets].permute(2, 0, 1)[None]
    states = [x]
    for layer in range(LAYERS):
        names = {key: f"{family['blocks']}.{layer}.{name}" for key, name in family['names'].items()}
        split = lambda y: y.view(batch, length, HEADS, -1).transpose(1, 2)
        q, k, v = (split(linear(x, names[key])) for key in 'qkv')
        scores = q @ k.transpose(-1, -2) / math.sqrt(HIDDEN // HEADS) + bias
        context = (scores.softmax(-1) @ v).transpose(1, 2).reshape(batch, length, HIDDEN)
        x = norm(linear(context, names['o']) + x, names['n1'])
        inner = F.gelu(linear(x, names['inner']), approximate='tanh' if activation == 'gelu_new' else 'none')
        x = norm(linear(inner, names['outer']) + x, names['n2'])
        states.append(x)
    return states


def write_safetensors(path, tensors):
    header, offset, chunks = {}, 0, []
    for name, tensor in tensors.items():
        data = tensor.numpy().astype('<f4').tobytes()
        header[name] = {'dtype': 'F32', 'shape': list(tensor.shape), 'data_offsets': [offset, offset + len(data)]}
        offset += len(data)
        chunks.append(data)
    text = json.dumps(header, separators=(',', ':')).encode()
    text += b' ' * (-len(text) % 8)
    path.write_bytes(struct.pack('<Q', len(text)) + text + b''.join(chunks))


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(1)
    for name, family in FAMILIES.items():
        w = random_weights(family)
        # Far tokens reach every bucket of MPNet's relative positions.
        length = 150 if name == 'mpnet' else 11
        padding = family['config']['pad_token_id']
        lengths = [length, 5, 1]
        ids = torch.full((3, length), padding)
        mask = torch.zeros(3, length, dtype=torch.long)
        for row, count in enumerate(lengths):
            ids[row, :count] = torch.randint(2, VOCABULARY, (count,))
            mask[row, :count] = 1
        states = forward(family, w, ids, mask)
        weight = mask[:, :, None].double()
        pooled = torch.stack([(state * weight).sum(1) / weight.sum(1) for state in states], 1)
        numbers = lambda tensor: [float(f'{value:.9g}') for value in tensor.flatten().tolist()]
        recorded = {
            'script': 'recording/encoders.py', 'torch': torch.__version__, 'config': family['config'],
            'ids': ids.tolist(), 'mask': mask.tolist(),
            # All layers, embeddings first, then the last layer's states at the first and last real token of each row.
            'pooled': numbers(pooled),
            'tokens': numbers(torch.stack([states[-1][row, [0, count - 1]] for row, count in enumerate(lengths)])),
        }
        (OUT / f'{name}.json').write_text(json.dumps(recorded, separators=(',', ':')) + '\n')
        write_safetensors(OUT / f'{name}.safetensors', {family['prefix'] + key: value for key, value in w.items()})


main()
