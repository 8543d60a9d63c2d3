import type { Delivery, Webhook } from '@scion/sdk';
import { useState } from 'preact/hooks';
import { useRows } from '../../data/rows.js';
import { duration } from '../../format.js';
import { hrefOf } from '../../navigation.js';
import { ConfirmDialog } from '../../parts/confirm-dialog.js';
import { describeError, ErrorNote, Loading } from '../../parts/notice.js';
import { Panel } from '../../parts/panel.js';
import { ActionsHead, RowButton } from '../../parts/row-actions.js';
import { Time } from '../../parts/time.js';
import type { Scope } from '../../scope.js';
import { may } from '../../session.js';
import { SecretOnce } from './secret-once.js';

interface DeliveriesProps {
  webhook: Webhook;
  scope: Scope;
  onChange(): void;
}

/** Every attempt to deliver to one webhook, newest first, and what can be done about it. */
export function Deliveries({ webhook, scope, onChange }: DeliveriesProps) {
  const { webhooks } = scope.client;
  const [said, setSaid] = useState<string>();
  const [problem, setProblem] = useState<unknown>();
  const [deletes, setDeletes] = useState(false);
  const [rotates, setRotates] = useState(false);
  const [secret, setSecret] = useState<string>();
  const rows = useRows<Delivery>({
    key: `deliveries ${webhook.id}`,
    load: (cursor, signal) => webhooks.deliveries(webhook.id, { cursor, limit: 50 }, { signal }),
    idOf: ({ id }) => id,
    intervalMs: 2_000,
  });
  const attempt = (work: () => Promise<string>) => async () => {
    setProblem(undefined);
    try {
      setSaid(await work());
      onChange();
    } catch (error) {
      setSaid(undefined);
      setProblem(error);
    }
  };
  const ping = async () => {
    const ordered = await webhooks.ping(webhook.id);
    return `A ping is on its way as event …${ordered.eventId.slice(-6)}.`;
  };
  const replay = (delivery: Delivery) => async () => {
    await webhooks.replay(webhook.id, delivery.id);
    return `Event …${delivery.eventId.slice(-6)} is sent again.`;
  };
  const enable = async () => {
    await webhooks.enable(webhook.id);
    return 'The webhook is enabled again.';
  };
  return (
    <Panel
      title="Deliveries"
      note={`one row an attempt, to ${new URL(webhook.url).host}`}
      flush
      actions={
        may('admin') && (
          <>
            {webhook.state === 'disabled' && (
              <button type="button" class="button button-small button-main" onClick={attempt(enable)}>
                Enable
              </button>
            )}
            <button type="button" class="button button-small" onClick={attempt(ping)}>
              Send a ping
            </button>
            <button type="button" class="button button-small" onClick={() => setRotates(true)}>
              Rotate secret
            </button>
            <button type="button" class="button button-small button-danger" onClick={() => setDeletes(true)}>
              Delete
            </button>
          </>
        )
      }
    >
      <p class="delivery-said" role="status">
        {problem !== undefined ? <span class="bad">{describeError(problem).detail}</span> : said}
      </p>
      {rows.error !== undefined && (
        <ErrorNote error={rows.error} retry={rows.refresh} stale={rows.rows !== undefined} />
      )}
      {!rows.rows && rows.error === undefined && <Loading rows={3} what="deliveries" />}
      {rows.rows?.length === 0 && <p class="quiet">Nothing has been sent yet. A ping tests the address.</p>}
      {rows.rows && rows.rows.length > 0 && (
        <table>
          <thead>
            <tr>
              <th scope="col">Result</th>
              <th scope="col">Event</th>
              <th scope="col" class="number from-small">
                Attempt
              </th>
              <th scope="col" class="number from-small">
                Answer time
              </th>
              <th scope="col" class="from-small">
                Sent
              </th>
              <ActionsHead />
            </tr>
          </thead>
          <tbody>
            {rows.rows.map((delivery) => (
              <tr key={delivery.id}>
                <td>
                  <span class={`badge ${delivery.ok ? 'badge-live' : 'badge-failed'}`}>
                    {delivery.status ?? 'no answer'}
                  </span>
                  {delivery.error && <span class="quiet cell-under">{delivery.error}</span>}
                </td>
                <td>
                  {delivery.jobId ? (
                    <a href={hrefOf({ page: 'jobs', job: delivery.jobId })}>{delivery.type}</a>
                  ) : (
                    delivery.type
                  )}
                  <span class="quiet cell-under" title={delivery.eventId}>
                    …{delivery.eventId.slice(-6)}
                  </span>
                </td>
                <td class="number from-small">{delivery.attempt}</td>
                <td class="number from-small" title={`${delivery.latencyMs} ms`}>
                  {duration(delivery.latencyMs)}
                </td>
                <td class="from-small">
                  <Time at={delivery.at} />
                </td>
                <td class="number">
                  {may('admin') && delivery.type !== 'ping' && (
                    <RowButton label={`Replay event ${delivery.eventId}`} onClick={attempt(replay(delivery))}>
                      Replay
                    </RowButton>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {rows.hasMore && (
        <button type="button" class="button more" onClick={rows.loadMore}>
          Show older attempts
        </button>
      )}
      {rotates && (
        <ConfirmDialog
          title="Rotate the signing secret?"
          confirm="Rotate"
          onConfirm={async () => {
            setSecret((await webhooks.rotateSecret(webhook.id)).secret);
            onChange();
          }}
          onClose={() => setRotates(false)}
        >
          <p>A new secret is shown once. For a day messages carry the signatures of both.</p>
          {webhook.previousSecretUntil !== null && (
            <p>
              It was rotated before: the secret from before that, which signs until{' '}
              <Time at={webhook.previousSecretUntil} />, stops at once.
            </p>
          )}
        </ConfirmDialog>
      )}
      {secret !== undefined && (
        <SecretOnce title="The new signing secret" secret={secret} onClose={() => setSecret(undefined)}>
          <p>For a day messages carry the signatures of both secrets. This one is shown this once.</p>
        </SecretOnce>
      )}
      {deletes && (
        <ConfirmDialog
          title="Delete this webhook?"
          confirm="Delete webhook"
          danger
          onConfirm={async () => {
            await webhooks.delete(webhook.id);
            onChange();
          }}
          onClose={() => setDeletes(false)}
        >
          <p>Nothing is posted to {webhook.url} any more, and its delivery log goes with it.</p>
        </ConfirmDialog>
      )}
    </Panel>
  );
}
