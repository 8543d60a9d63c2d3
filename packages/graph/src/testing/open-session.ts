/** How tests of this package run graphs: ONNX Runtime on the CPU. No tests in here; only test files may import a runtime. */
import * as ort from 'onnxruntime-node';
import { type DataType, type Model, type Session, type Tensor, writeModel } from '../index.js';

function toRuntime({ type, dims, data }: Tensor): ort.Tensor {
  const copy = data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength) as ArrayBuffer;
  switch (type) {
    case 'float32':
      return new ort.Tensor('float32', new Float32Array(copy), dims);
    case 'float64':
      return new ort.Tensor('float64', new Float64Array(copy), dims);
    case 'float16':
      return new ort.Tensor('float16', new Uint16Array(copy), dims);
    case 'int64':
      return new ort.Tensor('int64', new BigInt64Array(copy), dims);
    case 'bool':
      return new ort.Tensor('bool', new Uint8Array(copy), dims);
    default:
      throw new Error(`tests feed no ${type}`);
  }
}

function fromRuntime(tensor: ort.Tensor): Tensor {
  const data = tensor.data as Float32Array;
  const type = tensor.type as DataType;
  return {
    type,
    dims: [...tensor.dims],
    data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  };
}

/** A session over the model's bytes, one thread, so that results repeat to the bit. */
export async function openSession(
  model: Model,
  options: ort.InferenceSession.SessionOptions = {},
): Promise<Session> {
  const session = await ort.InferenceSession.create(writeModel(model).model, {
    intraOpNumThreads: 1,
    logSeverityLevel: 3,
    ...options,
  });
  return {
    async run(feeds) {
      const given = Object.fromEntries(
        Object.entries(feeds).map(([name, tensor]) => [name, toRuntime(tensor)]),
      );
      const answers = await session.run(given);
      return Object.fromEntries(Object.entries(answers).map(([name, tensor]) => [name, fromRuntime(tensor)]));
    },
    close: () => session.release(),
  };
}
