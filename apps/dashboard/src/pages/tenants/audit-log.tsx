import type { AuditEntry, Client } from '@scion/sdk';
import { useMemo } from 'preact/hooks';
import { useRows } from '../../data/rows.js';
import { parameter, setParameters } from '../../navigation.js';
import { momentSince, SinceFilter, TextFilter } from '../../parts/filters.js';
import { ErrorNote, Loading } from '../../parts/notice.js';
import { Panel } from '../../parts/panel.js';
import { Time } from '../../parts/time.js';

interface AuditLogProps {
  /** Says whose log it is: a tenant's, or without one the deployment's. */
  client: Client;
  note: string;
}

/** What admins changed and what was taken away, newest first, with the filters that the address names. */
export function AuditLog({ client, note }: AuditLogProps) {
  const filter = { action: parameter('action'), by: parameter('by'), since: parameter('since') };
  const filtered = Object.values(filter).some(Boolean);
  return (
    <Panel title="Audit log" note={note} flush>
      <search class="filters filters-inside" aria-label="Filter the audit log">
        <TextFilter name="action" label="Action, such as deleteKey" />
        <TextFilter name="by" label="Key id, key_…" />
        <SinceFilter />
        {filtered && (
          <button
            type="button"
            class="button"
            onClick={() => setParameters({ action: '', by: '', since: '' })}
          >
            Show all
          </button>
        )}
      </search>
      <Entries key={JSON.stringify(filter)} client={client} filter={filter} filtered={filtered} />
    </Panel>
  );
}

interface EntriesProps {
  client: Client;
  filter: { action: string | undefined; by: string | undefined; since: string | undefined };
  filtered: boolean;
}

function Entries({ client, filter: { since, ...rest }, filtered }: EntriesProps) {
  // Held still, else each answer would be to another question.
  const from = useMemo(() => momentSince(since), [since]);
  const entries = useRows<AuditEntry>({
    key: 'audit',
    load: (cursor, signal) => client.audit.list({ ...rest, from, cursor, limit: 50 }, { signal }),
    idOf: ({ id }) => id,
    intervalMs: 5_000,
  });
  const { rows, error } = entries;
  return (
    <>
      {error !== undefined && <ErrorNote error={error} retry={entries.refresh} stale={rows !== undefined} />}
      {!rows && error === undefined && <Loading rows={4} what="the audit log" />}
      {rows?.length === 0 && (
        <p class="quiet">{filtered ? 'No entry fits these filters.' : 'Nothing has been changed yet.'}</p>
      )}
      {rows && rows.length > 0 && (
        <table>
          <thead>
            <tr>
              <th scope="col">Action</th>
              <th scope="col">Key</th>
              <th scope="col" class="from-small">
                Target
              </th>
              <th scope="col">Answer</th>
              <th scope="col">Time</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((entry) => (
              <Entry key={entry.id} entry={entry} />
            ))}
          </tbody>
        </table>
      )}
      {entries.hasMore && (
        <button type="button" class="button more" onClick={entries.loadMore}>
          Show older entries
        </button>
      )}
    </>
  );
}

function Entry({ entry }: { entry: AuditEntry }) {
  const { action, by, byName, target, status, requestId, at } = entry;
  return (
    <tr>
      <td>
        <button type="button" class="link" title="Only this action" onClick={() => setParameters({ action })}>
          {action}
        </button>
      </td>
      <td>
        <button
          type="button"
          class="link"
          title={`Only calls made with ${by}`}
          onClick={() => setParameters({ by })}
        >
          {byName}
        </button>
      </td>
      <td class="from-small">
        {Object.entries(target).map(([name, value]) => (
          <span key={name} class="target" title={value}>
            <span class="quiet">{name}</span> {shortId(value)}
          </span>
        ))}
      </td>
      <td>
        <span class={`badge ${status < 400 ? 'badge-live' : 'badge-failed'}`} title={`Request ${requestId}`}>
          {status}
        </span>
      </td>
      <td>
        <Time at={at} />
      </td>
    </tr>
  );
}

/** The end of an id, which tells two apart; a name as it is. */
function shortId(value: string): string {
  return /^[a-z]{3}_[0-9a-z]{26}$/.test(value) ? `…${value.slice(-6)}` : value;
}
