"""Writes graphs in the manner of torch's dynamo exporter: fixtures/exports/dynamo-style-*.onnx and *.json.

Not that exporter's own files, which dynamo.py records: newer ones no longer write attention this way. What it works from is
real: torch.export's ATen graph with its module stack. What it makes of each ATen operator is written out here after
onnxscript's torchlib at opset 18: linear layers as MatMul by a Transpose, sizes gathered from Shape, scaled dot-product attention with its
key transposed by Reshape and its NaN guard, GELU in parts, names of modules only in `pkg.torch.onnx.name_scopes`.

Debian 13's python3-torch (2.6.0) and python3-onnx (1.17):

    python3 packages/graph/recording/dynamo-style.py
"""
import json
import math
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import numpy as np  # noqa: E402
import onnx  # noqa: E402
import torch  # noqa: E402
from exports import image_inputs, text_inputs  # noqa: E402
from models import Bert, Vit, randomised  # noqa: E402
from onnx import TensorProto, helper, numpy_helper  # noqa: E402
from torch.export import Dim  # noqa: E402

OUT = Path(__file__).parent.parent / 'fixtures' / 'exports'
TYPES = {torch.float32: TensorProto.FLOAT, torch.int64: TensorProto.INT64, torch.int32: TensorProto.INT32, torch.bool: TensorProto.BOOL}


class Translation:
    def __init__(self, program):
        self.program, self.nodes, self.initializers, self.values, self.count = program, [], [], {}, 0
        self.scope = []

    def op(self, kind, *inputs, **attributes):
        values = [self.value(x) for x in inputs]
        names = [f'val_{self.count}']
        node = helper.make_node(kind, values, names, name=f'node_{kind}_{self.count}', **attributes)
        node.metadata_props.add(key='pkg.torch.onnx.name_scopes', value=repr(self.scope))
        self.count += 1
        self.nodes.append(node)
        return names[0]

    def value(self, x):
        """A graph value's name; numbers become constants as torchlib promotes them."""
        if x is None:
            return ''
        if isinstance(x, torch.fx.Node):
            return self.values[x]
        if isinstance(x, str):
            return x
        kind = np.int64 if isinstance(x, int) or (isinstance(x, list) and all(isinstance(v, int) for v in x)) else np.float32
        return self.op('Constant', value=numpy_helper.from_array(np.array(x, dtype=kind)))

    def sizes(self, shape):
        """An int64 vector of fixed and symbolic sizes."""
        if all(isinstance(size, int) for size in shape):
            return self.value(list(shape))
        return self.op('Concat', *(self.op('Reshape', size, [-1]) if not isinstance(size, int) else [size] for size in shape), axis=0)

    def attention(self, q, k, v, mask=None):
        scale = math.sqrt(1 / math.sqrt(q.meta['val'].shape[-1]))
        shape = self.op('Shape', k)
        last = self.op('Slice', shape, [-1], [2**63 - 1])
        second = self.op('Slice', shape, [-2], [-1])
        first = self.op('Slice', shape, [-(2**63) + 1], [-2])
        flat = self.op('Reshape', k, self.op('Concat', [-1], second, last, axis=0))
        turned = self.op('Transpose', flat, perm=[0, 2, 1])
        key = self.op('Reshape', turned, self.op('Concat', first, last, second, axis=0))
        scores = self.op('MatMul', self.op('Mul', q, scale), self.op('Mul', key, self.op('CastLike', scale, k)))
        if mask is not None:
            scores = self.op('Add', scores, mask)
        weights = self.op('Softmax', scores, axis=-1)
        weights = self.op('Where', self.op('IsNaN', weights), 0.0, weights)
        weights = self.op('Dropout', weights, 0.0)
        return self.op('MatMul', weights, v)

    def linear(self, x, weight, bias=None):
        product = self.op('MatMul', x, self.op('Transpose', weight, perm=[1, 0]))
        return product if bias is None else self.op('Add', product, bias)

    def gelu(self, x):
        inner = self.op('Div', x, 1.4142135381698608)
        return self.op('Mul', 0.5, self.op('Mul', x, self.op('Add', self.op('Erf', inner), 1.0)))

    def convolution(self, x, weight, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
        return self.op('Conv', x, weight, bias, strides=list(stride), pads=list(padding) * 2, dilations=list(dilation), group=groups)

    def call(self, node):
        self.scope = [''] + [path for path, _ in (node.meta.get('nn_module_stack') or {}).values() if path] + [node.name]
        args, kwargs, name = node.args, node.kwargs, node.target.name().split('::')[1]
        cast = lambda x: self.op('Cast', x, to=TYPES[kwargs['dtype']])
        rules = {
            'sym_size.int': lambda x, axis: self.op('Gather', self.op('Shape', x), axis, axis=0),
            'ne.Scalar': lambda x, y: self.op('Not', self.op('Equal', x, y)),
            '_to_copy': lambda x: cast(x),
            'type_as': lambda x, y: self.op('CastLike', x, y),
            'clone': lambda x: self.op('Identity', x),
            'zeros_like': lambda x: self.op('Expand', 0, self.op('Shape', x)),
            'cumsum': lambda x, axis: self.op('CumSum', x, axis),
            'mul.Tensor': lambda x, y: self.op('Mul', x, y),
            'add.Tensor': lambda x, y: self.op('Add', x, y),
            'rsub.Scalar': lambda x, y: self.op('Sub', y, x),
            'embedding': lambda table, ids: self.op('Gather', table, ids, axis=0),
            'layer_norm': lambda x, shape, weight, bias, epsilon: self.op(
                'LayerNormalization', x, weight, bias, axis=-1, epsilon=epsilon, stash_type=1),
            'slice.Tensor': lambda x, axis=0, start=0, end=2**63 - 1: self.op('Slice', x, [start], [end], [axis], [1]),
            'unsqueeze': lambda x, axis: self.op('Unsqueeze', x, [axis]),
            'expand': lambda x, shape: self.op('Expand', x, self.op('Abs', self.sizes(shape))),
            'masked_fill.Scalar': lambda x, mask, y: self.op('Where', mask, self.op('CastLike', y, x), x),
            'view': lambda x, shape: self.op('Reshape', x, self.sizes(shape), allowzero=0),
            'permute': lambda x, perm: self.op('Transpose', x, perm=perm),
            'transpose.int': lambda x, a, b: self.op('Transpose', x, perm=[0, 2, 1]),
            'cat': lambda xs, axis: self.op('Concat', *xs, axis=axis),
            'linear': self.linear,
            'gelu': self.gelu,
            'scaled_dot_product_attention': self.attention,
            'conv2d': self.convolution,
        }
        return rules[name](*args)

    def model(self, output_names, symbols):
        signature = self.program.graph_signature
        stored = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
        inputs, state = [], {**self.program.state_dict, **self.program.constants}
        dims = lambda value: [symbols.get(str(size), 'unknown') if not isinstance(size, int) else size for size in value.shape]
        for node in self.program.graph.nodes:
            if node.op == 'placeholder':
                name = stored.get(node.name, node.name)
                self.values[node] = name
                value = node.meta['val']
                if node.name in stored:
                    self.initializers.append(numpy_helper.from_array(state[name].detach().numpy(), name))
                else:
                    inputs.append(helper.make_tensor_value_info(name, TYPES[value.dtype], dims(value)))
            elif node.op == 'call_function':
                self.values[node] = self.call(node)
            else:
                outputs = []
                for name, value in zip(output_names, node.args[0]):
                    last = next(entry for entry in self.nodes if self.values[value] in entry.output)
                    last.output[0] = name
                    outputs.append(helper.make_tensor_value_info(name, TYPES[value.meta['val'].dtype], dims(value.meta['val'])))
        used = {name for node in self.nodes for name in node.input}
        graph = helper.make_graph(self.nodes, 'main_graph', inputs, outputs, [i for i in self.initializers if i.name in used])
        return helper.make_model(graph, producer_name='dynamo-style', opset_imports=[helper.make_opsetid('', 18)], ir_version=10)


def export(name, model, inputs, outputs, text):
    torch.manual_seed(11)
    model = randomised(model)
    batch, sequence = Dim('batch', max=1000), Dim('sequence', max=22)
    shapes = {key: ({0: batch, 1: sequence} if text else {0: batch}) for key in inputs}
    program = torch.export.export(model, tuple(inputs.values()), dynamic_shapes=shapes, strict=False).run_decompositions({})
    first = next(node.meta['val'] for node in program.graph.nodes if node.name in inputs)
    symbols = {str(size): label for size, label in zip(first.shape, ('batch', 'sequence'))}
    proto = Translation(program).model(outputs, symbols)
    onnx.checker.check_model(proto, full_check=True)
    onnx.save(proto, str(OUT / f'{name}.onnx'))
    exact = model.double()(*(value.double() if value.is_floating_point() else value for value in inputs.values()))
    record = lambda tensor: {
        'type': 'int64' if tensor.dtype == torch.long else 'float32',
        'dims': list(tensor.shape),
        'data': 'sin(0.7 * index)' if tensor.dim() == 4 else [float(f'{v:.9g}') for v in tensor.flatten().tolist()],
    }
    (OUT / f'{name}.json').write_text(json.dumps({
        'script': 'recording/dynamo-style.py', 'torch': torch.__version__, 'opset': 18,
        'inputs': {key: record(value) for key, value in inputs.items()}, 'outputs': {outputs[0]: record(exact)},
    }, separators=(',', ':')) + '\n')
    print(name, (OUT / f'{name}.onnx').stat().st_size)


if __name__ == '__main__':
    with torch.no_grad():
        export('dynamo-style-xlm-roberta', Bert(padding=1, sdpa=True), text_inputs(padding=1), ['last_hidden_state'], True)
        export('dynamo-style-vit', Vit(sdpa=True), image_inputs(16), ['last_hidden_state'], False)
