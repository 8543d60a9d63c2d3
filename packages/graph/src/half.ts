import { float16ToNumber } from './tensor.js';

/** Half-precision numbers, little-endian in `data`, as float32. */
export function widenHalves(type: 'float16' | 'bfloat16', data: Uint8Array): Float32Array {
  // A Buffer's own slice() would only be another view.
  const bytes = data.byteOffset % 2 === 0 ? data : new Uint8Array(data);
  const halves = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);
  const out = new Float32Array(halves.length);
  if (type === 'bfloat16') {
    // bfloat16 is the upper half of a float32.
    const bits = new Uint32Array(out.buffer);
    for (let index = 0; index < halves.length; index += 1) bits[index] = halves[index] << 16;
  } else {
    const table = float16Table();
    for (let index = 0; index < halves.length; index += 1) out[index] = table[halves[index]];
  }
  return out;
}

let float16Values: Float32Array | undefined;

/** All 65,536 half-precision values (256 kB, made once): one look-up an element instead of arithmetic on 22 million. */
function float16Table(): Float32Array {
  float16Values ??= Float32Array.from({ length: 1 << 16 }, (_, bits) => float16ToNumber(bits));
  return float16Values;
}
