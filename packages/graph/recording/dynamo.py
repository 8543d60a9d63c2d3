"""Exports the models of models.py with torch's dynamo exporter and records what they answer: fixtures/exports/dynamo-*.onnx and *.json.

With PyPI's torch 2.13.0 (CPU), onnx 1.23.1 and onnxscript 0.7.2, at opsets 18, the least it writes, and 20:

    python3 packages/graph/recording/dynamo.py
"""
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import onnx  # noqa: E402
import torch  # noqa: E402
from exports import image_inputs, text_inputs  # noqa: E402
from models import Bert, Gpt2, Vit, randomised  # noqa: E402
from torch.export import Dim  # noqa: E402

OUT = Path(__file__).parent.parent / 'fixtures' / 'exports'


def export(name, model, inputs, outputs, opset):
    torch.manual_seed(11)
    model = randomised(model)
    batch, sequence = Dim('batch', max=1000), Dim('sequence', max=22)
    text = 'input_ids' in inputs
    shapes = tuple({0: batch, 1: sequence} if text else {0: batch} for _ in inputs)
    program = torch.onnx.export(
        model, tuple(inputs.values()), dynamo=True, opset_version=opset, input_names=list(inputs), output_names=outputs,
        dynamic_shapes=shapes, verbose=False,
    )
    proto = program.model_proto
    # Stack traces of this script: most of the file, and nothing of the model.
    for node in proto.graph.node:
        for entry in [entry for entry in node.metadata_props if entry.key == 'pkg.torch.onnx.stack_trace']:
            node.metadata_props.remove(entry)
    onnx.save(proto, str(OUT / f'{name}.onnx'))
    exact = model.double()(*(value.double() if value.is_floating_point() else value for value in inputs.values()))
    exact = exact if isinstance(exact, tuple) else (exact,)
    record = lambda tensor: {
        'type': 'int64' if tensor.dtype == torch.long else 'float32',
        'dims': list(tensor.shape),
        'data': 'sin(0.7 * index)' if tensor.dim() == 4 else [float(f'{v:.9g}') for v in tensor.flatten().tolist()],
    }
    (OUT / f'{name}.json').write_text(json.dumps({
        'script': 'recording/dynamo.py', 'torch': torch.__version__, 'opset': opset,
        'inputs': {key: record(value) for key, value in inputs.items()},
        'outputs': {key: record(value) for key, value in zip(outputs, exact)},
    }, separators=(',', ':')) + '\n')
    print(name, (OUT / f'{name}.onnx').stat().st_size)


if __name__ == '__main__':
    OUT.mkdir(parents=True, exist_ok=True)
    hidden = ['last_hidden_state']
    with torch.no_grad():
        export('dynamo-bert-opset20', Bert(), text_inputs(types=True), hidden, 20)
        export('dynamo-xlm-roberta-opset18', Bert(padding=1, sdpa=True), text_inputs(padding=1), hidden, 18)
        export('dynamo-gpt2-opset20', Gpt2(), text_inputs(), [*hidden, 'logits'], 20)
        export('dynamo-vit-opset18', Vit(sdpa=True), image_inputs(16), hidden, 18)
