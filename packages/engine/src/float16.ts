/**
 * IEEE 754 binary16, which Node 20 has no typed array for. Both directions are exact: every half is a float, and a
 * float becomes the nearest half, ties to even (IEEE 754-2019, 4.3.1).
 */

let table: Float32Array | undefined;

/** The value of each of the 65,536 bit patterns: 256 kB, filled on first use; a look-up beats bit arithmetic. */
function halves(): Float32Array {
  if (table) return table;
  const values = new Float32Array(65_536);
  for (let bits = 0; bits < 65_536; bits += 1) values[bits] = decodeBits(bits);
  table = values;
  return values;
}

function decodeBits(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Halves, given as their bit patterns, as float32. */
export function decodeFloat16(bits: Uint16Array): Float32Array {
  const values = halves();
  const out = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i += 1) out[i] = values[bits[i]];
  return out;
}

/** The bit patterns of the halves nearest to `values`, read as float32. Beyond ±65,504 (rounded) it is infinite. */
export function encodeFloat16(values: ArrayLike<number>): Uint16Array {
  const word = new Float32Array(1);
  const wordBits = new Uint32Array(word.buffer);
  const out = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i += 1) {
    word[0] = values[i];
    out[i] = encodeBits(wordBits[0]);
  }
  return out;
}

/** From the bits of a float32. */
function encodeBits(float: number): number {
  const sign = (float >>> 16) & 0x8000;
  const exponent = (float >>> 23) & 0xff;
  const fraction = float & 0x7fffff;
  if (exponent === 0xff) return sign | 0x7c00 | (fraction === 0 ? 0 : 0x200);
  // Rebiased: float32 counts from 127, float16 from 15.
  const half = exponent - 112;
  if (half >= 31) return sign | 0x7c00;
  if (half >= 1) {
    // A carry out of the fraction runs into the exponent, and from the last exponent into infinity: both are right.
    return sign | ((half << 10) + roundToEven(fraction, 13));
  }
  // Below 2^-25 everything rounds to zero; float32 subnormals are far below.
  if (half < -10) return sign;
  return sign | roundToEven(fraction | 0x800000, 14 - half);
}

/** `value / 2^shift` to the nearest integer, ties to even. */
function roundToEven(value: number, shift: number): number {
  const kept = value >>> shift;
  const rest = value & ((1 << shift) - 1);
  const tie = 1 << (shift - 1);
  return rest > tie || (rest === tie && (kept & 1) === 1) ? kept + 1 : kept;
}
