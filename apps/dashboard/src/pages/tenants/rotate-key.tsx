import type { Client, Key } from '@scion/sdk';
import { useState } from 'preact/hooks';
import { Dialog } from '../../parts/dialog.js';
import { SecretOnce } from './secret-once.js';

interface RotateKeyProps {
  of: Key;
  client: Client;
  onDone(): void;
  onClose(): void;
}

/** How long the old key works beside the new one, in seconds. */
const overlaps = [
  ['0', 'not at all'],
  ['3600', 'an hour'],
  ['86400', 'a day'],
  ['604800', 'a week'],
] as const;

/** Puts another key in the place of one, without an interruption. */
export function RotateKey({ of, client, onDone, onClose }: RotateKeyProps) {
  const [overlap, setOverlap] = useState('86400');
  const [secret, setSecret] = useState<string>();
  if (secret !== undefined) {
    return (
      <SecretOnce title="The new key’s secret" secret={secret} onClose={onClose}>
        <p>It is shown this once. Hand it to whatever uses “{of.name}” before the old one stops.</p>
      </SecretOnce>
    );
  }
  return (
    <Dialog
      title={`Rotate the key “${of.name}”?`}
      submit="Rotate"
      leave="Keep as it is"
      onSubmit={async () => {
        const made = await client.keys.rotate(of.id, Number(overlap));
        onDone();
        setSecret(made.secret);
        return 'stay';
      }}
      onClose={onClose}
    >
      <label class="form-field">
        <span class="form-name">The old key works on for</span>
        <select value={overlap} onChange={(event) => setOverlap(event.currentTarget.value)}>
          {overlaps.map(([seconds, shown]) => (
            <option key={seconds} value={seconds}>
              {shown}
            </option>
          ))}
        </select>
      </label>
    </Dialog>
  );
}
