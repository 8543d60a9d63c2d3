"""Exports the models of models.py and records what they answer: fixtures/exports/*.onnx and *.json.

With Debian 12's python3-torch (1.13.1): the legacy exporter at opsets 11, 14 and 17.
With Debian 13's python3-torch (2.6.0) and python3-onnx (1.17): opset 18, and what optimum exports (scaled dot-product attention,
its names of inputs and dimensions, opsets 14 and 18). Run under both:

    python3 packages/graph/recording/exports.py
"""
import json
import math
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import onnx  # noqa: E402
import torch  # noqa: E402
from models import POSITIONS, VOCABULARY, Bert, Gpt2, MobileNetV2, ModernBert, ResNet50, Vit, randomised  # noqa: E402

OUT = Path(__file__).parent.parent / 'fixtures' / 'exports'
NEW = torch.__version__.startswith('2.')


def text_inputs(types=False, padding=0):
    lengths = [7, 4, 2]
    ids = torch.full((3, 7), padding)
    mask = torch.zeros(3, 7, dtype=torch.long)
    for row, count in enumerate(lengths):
        ids[row, :count] = torch.randint(2, VOCABULARY, (count,))
        mask[row, :count] = 1
    inputs = {'input_ids': ids, 'attention_mask': mask}
    if types:
        inputs['token_type_ids'] = torch.zeros_like(ids)
        inputs['token_type_ids'][0, 3:] = 1
    return inputs


def image_inputs(size):
    """Pixels that a test makes again by the same formula instead of reading them."""
    count = 2 * 3 * size * size
    return {'pixel_values': torch.tensor([math.sin(0.7 * index) for index in range(count)]).view(2, 3, size, size)}


def export(name, model, inputs, outputs, opset, sequence=('batch', 'sequence'), **options):
    torch.manual_seed(7)
    model = randomised(model)
    text = 'input_ids' in inputs
    axes = {key: ({0: sequence[0], 1: sequence[1]} if text else {0: sequence[0]}) for key in inputs}
    axes.update({key: ({0: sequence[0], 1: sequence[1]} if text else {0: sequence[0]}) for key in outputs})
    path = OUT / f'{name}.onnx'
    if NEW:
        options['dynamo'] = False
    torch.onnx.export(
        model, tuple(inputs.values()), str(path), input_names=list(inputs), output_names=outputs, dynamic_axes=axes,
        opset_version=opset, **options,
    )
    # Stack traces of this script: most of the file, and nothing of the model.
    stored = onnx.load(str(path))
    for node in stored.graph.node:
        node.ClearField('doc_string')
        if NEW:
            node.ClearField('metadata_props')
    onnx.save(stored, str(path))
    # The reference in double precision: what is left of any difference is the exported graph's own rounding.
    exact = model.double()(*(value.double() if value.is_floating_point() else value for value in inputs.values()))
    exact = exact if isinstance(exact, tuple) else (exact,)
    record = lambda tensor: {
        'type': 'int64' if tensor.dtype == torch.long else 'float32',
        'dims': list(tensor.shape),
        'data': 'sin(0.7 * index)' if tensor.dim() == 4 else [float(f'{v:.9g}') for v in tensor.flatten().tolist()],
    }
    (OUT / f'{name}.json').write_text(json.dumps({
        'script': 'recording/exports.py', 'torch': torch.__version__, 'opset': opset,
        'inputs': {key: record(value) for key, value in inputs.items()},
        'outputs': {key: record(value) for key, value in zip(outputs, exact)},
    }, separators=(',', ':')) + '\n')
    print(name, path.stat().st_size)


if __name__ == '__main__':
    OUT.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(3)
    hidden, optimum = ['last_hidden_state'], ('batch_size', 'sequence_length')
    with torch.no_grad():
        if NEW:
            export('bert-opset18', Bert(), text_inputs(types=True), hidden, 18)
            export('optimum-bert-opset14', Bert(sdpa=True), text_inputs(types=True), hidden, 14, optimum)
            export('optimum-xlm-roberta-opset18', Bert(padding=1, sdpa=True), text_inputs(padding=1), hidden, 18, optimum)
            export('optimum-modernbert-opset18', ModernBert(), text_inputs(), hidden, 18, optimum)
            export('optimum-vit-opset18', Vit(sdpa=True), image_inputs(16), hidden, 18, optimum)
        else:
            for opset in (11, 14, 17):
                export(f'bert-opset{opset}', Bert(), text_inputs(types=True), hidden, opset)
            export('xlm-roberta-opset11', Bert(padding=1), text_inputs(padding=1), hidden, 11)
            export('gpt2-opset11', Gpt2(), text_inputs(), [*hidden, 'logits'], 11)
            export('gpt2-opset17', Gpt2(), text_inputs(), [*hidden, 'logits'], 17)
            export('vit-opset14', Vit(), image_inputs(16), hidden, 14)
            export('resnet50-opset17', ResNet50(), image_inputs(32), ['features'], 17)
            # Without the exporter's own fusion the batch normalisations stay.
            export('mobilenetv2-opset14', MobileNetV2(), image_inputs(32), ['features'], 14,
                   training=torch.onnx.TrainingMode.PRESERVE)
