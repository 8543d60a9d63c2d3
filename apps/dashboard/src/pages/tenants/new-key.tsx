import type { Client, Scope } from '@scion/sdk';
import { useState } from 'preact/hooks';
import { Dialog } from '../../parts/dialog.js';
import { SecretOnce } from './secret-once.js';

const scopes: readonly (readonly [Scope, string])[] = [
  ['admin', 'manages tasks, keys and webhooks'],
  ['train', 'sends examples and jobs'],
  ['predict', 'asks models'],
  ['read', 'looks at everything, changes nothing'],
];

interface NewKeyProps {
  client: Client;
  operator: boolean;
  onDone(): void;
  onClose(): void;
}

/** Makes a key; its secret is shown this once. */
export function NewKey({ client, operator, onDone, onClose }: NewKeyProps) {
  const [name, setName] = useState('');
  const [chosen, setChosen] = useState<readonly Scope[]>(
    operator ? ['read', 'predict'] : ['train', 'predict'],
  );
  const [days, setDays] = useState('');
  const [secret, setSecret] = useState<string>();
  if (secret !== undefined) {
    return (
      <SecretOnce title="The key’s secret" secret={secret} onClose={onClose}>
        <p>It is shown this once; the service keeps only a hash of it.</p>
      </SecretOnce>
    );
  }
  return (
    <Dialog
      title={operator ? 'New operator key' : 'New key'}
      submit="Create"
      leave="Cancel"
      blocked={name.trim() === '' || chosen.length === 0}
      onSubmit={async () => {
        const made = await client.keys.create({
          name: name.trim(),
          scopes: [...chosen],
          ...(days !== '' && {
            expiresAt: new Date(Date.now() + Number(days) * 86_400_000).toISOString(),
          }),
        });
        onDone();
        setSecret(made.secret);
        return 'stay';
      }}
      onClose={onClose}
    >
      <label class="form-field">
        <span class="form-name">Name</span>
        <input value={name} maxLength={200} onInput={(event) => setName(event.currentTarget.value)} />
        <span class="form-hint">What will use it, so that a list of keys says whose it is</span>
      </label>
      <fieldset class="form-field">
        <legend class="form-name">May</legend>
        {scopes.map(([scope, what]) => (
          <label key={scope} class="check">
            <input
              type="checkbox"
              checked={chosen.includes(scope)}
              onChange={() =>
                setChosen(chosen.includes(scope) ? chosen.filter((one) => one !== scope) : [...chosen, scope])
              }
            />
            <span>
              <strong>{scope}</strong> <span class="quiet">{what}</span>
            </span>
          </label>
        ))}
      </fieldset>
      <label class="form-field">
        <span class="form-name">Expires after, days</span>
        <input
          type="number"
          min="1"
          max="3650"
          placeholder="never"
          value={days}
          onInput={(event) => setDays(event.currentTarget.value)}
        />
      </label>
    </Dialog>
  );
}
