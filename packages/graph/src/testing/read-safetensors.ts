import type { WeightSource } from '../architectures/weights.js';

/** The weights of a safetensors file we recorded or installed ourselves: no checks, the engine has the strict reader. */
export function readSafetensors(file: Uint8Array): WeightSource {
  const headerBytes = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + headerBytes)));
  return (name) => {
    const entry = header[name];
    if (!entry) return undefined;
    const [start, end] = entry.data_offsets;
    return {
      dtype: entry.dtype,
      shape: entry.shape,
      data: file.subarray(8 + headerBytes + start, 8 + headerBytes + end),
    };
  };
}
