import type { Card, ModelRef } from '@scion/contracts';
import { readSafetensors, writeSafetensors } from '../safetensors.js';
import { type AdapterExpectations, decodeAdapter } from './decode.js';
import { contentHash, hash, ownerHash } from './format.js';

/**
 * Binds an artifact to another owner: one that was exported, for the deployment it is imported into. It is read and
 * believed as little as any; its weights stay as they are.
 * @throws AppError base_mismatch, artifact_invalid
 */
export function rebindAdapter(
  file: Uint8Array,
  from: AdapterExpectations,
  to: { owner: ModelRef; jobId: string },
): { bytes: Uint8Array; sha256: string; card: Card } {
  const { card: before } = decodeAdapter(file, from);
  const card: Card = { ...before, task: to.owner.task, jobId: to.jobId };
  const { tensors, metadata: old } = readSafetensors(file);
  const metadata = new Map(old);
  metadata.set('scion.owner', ownerHash(to.owner));
  metadata.set('scion.card', JSON.stringify(card));
  metadata.set('scion.content', contentHash(metadata, tensors));
  const bytes = writeSafetensors(tensors, metadata);
  return { bytes, sha256: hash([bytes]), card };
}
