import type { Page, Webhook, WebhookEventType } from '@scion/sdk';
import { useState } from 'preact/hooks';
import { useLive } from '../../data/live.js';
import { parameter, setParameters } from '../../navigation.js';
import { Dialog } from '../../parts/dialog.js';
import { Empty, ErrorNote, Loading } from '../../parts/notice.js';
import { Panel } from '../../parts/panel.js';
import { Time } from '../../parts/time.js';
import type { Scope } from '../../scope.js';
import { may } from '../../session.js';
import { Deliveries } from './deliveries.js';
import { SecretOnce } from './secret-once.js';

/** Where events are posted, and what became of each. */
export function Webhooks({ scope }: { scope: Scope }) {
  const [creates, setCreates] = useState(false);
  const webhooks = useLive<Page<Webhook>>(
    'webhooks',
    (signal) => scope.client.webhooks.list({}, { signal }),
    8_000,
  );
  const list = webhooks.data?.data;
  const chosen = list?.find(({ id }) => id === parameter('webhook')) ?? list?.[0];
  return (
    <div class="grid">
      <Panel
        title="Webhooks"
        note="where events are posted, signed per Standard Webhooks"
        flush
        actions={
          may('admin') && (
            <button type="button" class="button button-small" onClick={() => setCreates(true)}>
              New webhook
            </button>
          )
        }
      >
        {webhooks.error !== undefined && (
          <ErrorNote error={webhooks.error} retry={webhooks.refresh} stale={list !== undefined} />
        )}
        {!list && webhooks.error === undefined && <Loading rows={3} what="webhooks" />}
        {list?.length === 0 && (
          <Empty title="No webhooks yet">
            <p>A webhook tells your backend when a job has ended, so that it need not ask.</p>
          </Empty>
        )}
        {list && list.length > 0 && (
          <table>
            <thead>
              <tr>
                <th scope="col">Address</th>
                <th scope="col">State</th>
                <th scope="col" class="from-medium">
                  Events
                </th>
                <th scope="col" class="from-small">
                  Since
                </th>
              </tr>
            </thead>
            <tbody>
              {list.map((webhook) => (
                <tr key={webhook.id} class="row">
                  <td class="cell-labels">
                    <button
                      type="button"
                      class="link row-link"
                      aria-pressed={webhook.id === chosen?.id}
                      onClick={() => setParameters({ webhook: webhook.id })}
                    >
                      {webhook.url}
                    </button>
                  </td>
                  <td>
                    <State webhook={webhook} />
                  </td>
                  <td class="from-medium cell-labels">
                    {webhook.events.length === everyEvent.length ? 'all' : webhook.events.join(', ')}
                  </td>
                  <td class="from-small">
                    <Time at={webhook.createdAt} as="ago" />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </Panel>
      {chosen && <Deliveries key={chosen.id} webhook={chosen} scope={scope} onChange={webhooks.refresh} />}
      {creates && <NewWebhook scope={scope} onDone={webhooks.refresh} onClose={() => setCreates(false)} />}
    </div>
  );
}

function State({ webhook }: { webhook: Webhook }) {
  if (webhook.state === 'disabled') {
    return (
      <span class="badge badge-failed" title={webhook.disabledReason ?? undefined}>
        disabled
      </span>
    );
  }
  return webhook.failingSince ? (
    <span class="badge badge-failed" title="No attempt has succeeded since then">
      failing for <Time at={webhook.failingSince} as="ago" />
    </span>
  ) : (
    <span class="badge badge-live">enabled</span>
  );
}

const everyEvent: readonly WebhookEventType[] = [
  'job.succeeded',
  'job.failed',
  'job.cancelled',
  'model.promoted',
  'model.rejected',
  'model.rolled_back',
  'user.erased',
  'quota.exceeded',
  'webhook.disabled',
];

function NewWebhook({ scope, onDone, onClose }: { scope: Scope; onDone(): void; onClose(): void }) {
  const [url, setUrl] = useState('');
  const [events, setEvents] = useState<readonly WebhookEventType[]>(everyEvent);
  const [secret, setSecret] = useState<string>();
  if (secret !== undefined) {
    return (
      <SecretOnce title="The signing secret" secret={secret} onClose={onClose}>
        <p>Your backend verifies messages with it. It is shown this once.</p>
      </SecretOnce>
    );
  }
  return (
    <Dialog
      title="New webhook"
      submit="Create"
      leave="Cancel"
      blocked={!URL.canParse(url) || events.length === 0}
      onSubmit={async () => {
        const made = await scope.client.webhooks.create({
          url,
          ...(events.length < everyEvent.length && { events: [...events] }),
        });
        onDone();
        setSecret(made.secret);
        return 'stay';
      }}
      onClose={onClose}
    >
      <label class="form-field">
        <span class="form-name">Address</span>
        <input
          type="url"
          value={url}
          maxLength={2048}
          placeholder="https://example.com/hooks/scion"
          onInput={(event) => setUrl(event.currentTarget.value)}
        />
        <span class="form-hint">Public and https, unless the service allows others</span>
      </label>
      <fieldset class="form-field">
        <legend class="form-name">Events</legend>
        <div class="checks">
          {everyEvent.map((type) => (
            <label key={type}>
              <input
                type="checkbox"
                checked={events.includes(type)}
                onChange={() =>
                  setEvents(
                    events.includes(type)
                      ? events.filter((one) => one !== type)
                      : everyEvent.filter((one) => one === type || events.includes(one)),
                  )
                }
              />
              {type}
            </label>
          ))}
        </div>
      </fieldset>
    </Dialog>
  );
}
