import { bytes, count } from '../format.js';

/** A number of bytes, its exact value on hover. */
export function Exact({ value }: { value: number }) {
  return <span title={`${count(value)} bytes`}>{bytes(value)}</span>;
}
