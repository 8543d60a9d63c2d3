import type { Client, Key } from '@scion/sdk';
import { useState } from 'preact/hooks';
import { now } from '../../clock.js';
import { useRows } from '../../data/rows.js';
import { ConfirmDialog } from '../../parts/confirm-dialog.js';
import { ErrorNote, Loading } from '../../parts/notice.js';
import { Panel } from '../../parts/panel.js';
import { ActionsHead, RowButton } from '../../parts/row-actions.js';
import { Time } from '../../parts/time.js';
import { may, session } from '../../session.js';
import { NewKey } from './new-key.js';
import { RotateKey } from './rotate-key.js';

interface KeysProps {
  title: string;
  note: string;
  /** Speaks for the owner of the keys. */
  client: Client;
  operator?: boolean;
}

/** The keys of a tenant or of the operator, with what makes and takes them. */
export function Keys({ title, note, client, operator = false }: KeysProps) {
  const [creates, setCreates] = useState(false);
  const [rotates, setRotates] = useState<Key>();
  const [deletes, setDeletes] = useState<Key>();
  const [changes, setChanges] = useState(0);
  const keys = useRows<Key>({
    // A change begins the list anew: a refresh leaves the later pages, where it may stand, as they were.
    key: `keys ${changes}`,
    load: (cursor, signal) => client.keys.list({ cursor, limit: 100 }, { signal }),
    idOf: ({ id }) => id,
    intervalMs: 15_000,
  });
  const list = keys.rows;
  const changed = () => setChanges(changes + 1);
  return (
    <Panel
      title={title}
      note={note}
      flush
      actions={
        may('admin') && (
          <button type="button" class="button button-small" onClick={() => setCreates(true)}>
            New key
          </button>
        )
      }
    >
      {keys.error !== undefined && (
        <ErrorNote error={keys.error} retry={keys.refresh} stale={list !== undefined} />
      )}
      {!list && keys.error === undefined && <Loading rows={3} what="keys" />}
      {list?.length === 0 && <p class="quiet">No keys yet.</p>}
      {list && list.length > 0 && (
        <table>
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col">May</th>
              <th scope="col" class="from-medium">
                Made
              </th>
              <th scope="col" class="from-medium">
                Last used
              </th>
              <th scope="col" class="from-small">
                Expires
              </th>
              <ActionsHead />
            </tr>
          </thead>
          <tbody>
            {list.map((key) => (
              <tr key={key.id}>
                <td>
                  <strong>{key.name}</strong>
                  <span class="quiet cell-under">
                    <code>{key.start}…</code>
                  </span>
                </td>
                <td>{key.scopes.join(', ')}</td>
                <td class="from-medium">
                  <Time at={key.createdAt} as="ago" />
                </td>
                <td class="from-medium">
                  {key.lastUsedAt ? <Time at={key.lastUsedAt} as="ago" /> : <span class="quiet">never</span>}
                </td>
                <td class="from-small">
                  <Expiry at={key.expiresAt} />
                  {key.replacedBy && <span class="quiet cell-under">was rotated</span>}
                </td>
                <td class="number">
                  {key.id === session.value?.keyId ? (
                    <span class="quiet">signed in with</span>
                  ) : (
                    may('admin') && (
                      <span class="row-actions">
                        {!key.replacedBy && (
                          <RowButton label={`Rotate the key ${key.name}`} onClick={() => setRotates(key)}>
                            Rotate
                          </RowButton>
                        )}
                        <RowButton label={`Delete the key ${key.name}`} onClick={() => setDeletes(key)}>
                          Delete
                        </RowButton>
                      </span>
                    )
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {keys.hasMore && (
        <button type="button" class="button more" onClick={keys.loadMore}>
          Show more keys
        </button>
      )}
      {creates && (
        <NewKey client={client} operator={operator} onDone={changed} onClose={() => setCreates(false)} />
      )}
      {rotates && (
        <RotateKey of={rotates} client={client} onDone={changed} onClose={() => setRotates(undefined)} />
      )}
      {deletes && (
        <ConfirmDialog
          title={`Delete the key “${deletes.name}”?`}
          confirm="Delete key"
          danger
          onConfirm={async () => {
            await client.keys.delete(deletes.id);
            changed();
          }}
          onClose={() => setDeletes(undefined)}
        >
          <p>Whatever uses it is refused from this moment on, and people signed in with it are signed out.</p>
        </ConfirmDialog>
      )}
    </Panel>
  );
}

function Expiry({ at }: { at: string | null }) {
  if (at === null) return <span class="quiet">never</span>;
  return Date.parse(at) <= now.value ? <span class="bad">expired</span> : <Time at={at} />;
}
