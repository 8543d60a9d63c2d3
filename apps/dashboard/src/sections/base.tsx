import type { SystemState } from '@scion/sdk';
import { now } from '../clock.js';
import { count, duration, plural, shortHash } from '../format.js';
import type { Live } from '../live.js';
import { Copyable } from '../parts/copyable.js';
import { Fact, Facts } from '../parts/facts.js';
import { ErrorNote, Loading } from '../parts/notice.js';
import { Time } from '../parts/time.js';
import { Section } from './section.js';

export function BaseSection({ system }: { system: Live<SystemState> }) {
  const state = system.data;
  return (
    <Section name="base" title="Base and queue" about="What all models stand on.">
      {system.error !== undefined && (
        <ErrorNote error={system.error} retry={system.refresh} stale={state !== undefined} />
      )}
      {!state && system.error === undefined && <Loading rows={4} what="the base" />}
      {state?.workers === 0 && (
        <div class="note note-error" role="alert">
          <p>
            <strong>No worker is running.</strong> Jobs wait until one starts: <code>npm start</code> runs
            one, and in production each worker process does.
          </p>
        </div>
      )}
      {state && (
        <>
          <h3 class="base-name">{state.base.name}</h3>
          <Facts>
            <Fact name="Layers">{count(state.base.layers)}, frozen</Fact>
            <Fact name="Hidden size">{count(state.base.hiddenSize)}</Fact>
            <Fact name="Runs on">
              {state.base.provider}, {plural(state.threads, 'thread')}
            </Fact>
            <Fact name="SHA-256">
              <Copyable value={state.base.sha256} shown={shortHash(state.base.sha256)} what="base hash" />
            </Fact>
          </Facts>
          <h4>Queue</h4>
          <Facts>
            <Fact name="Waiting">{plural(state.queue.waiting, 'job')}</Fact>
            <Fact name="Training">{plural(state.queue.active, 'job')}</Fact>
            <Fact name="Delayed">{plural(state.queue.delayed, 'job')}</Fact>
            <Fact name="Failed">{plural(state.queue.failed, 'job')}</Fact>
            <Fact name="Workers">{count(state.workers)}</Fact>
          </Facts>
          <h4>Service</h4>
          <Facts>
            <Fact name="Version">{state.version}</Fact>
            <Fact name="Up for">{duration(now.value - Date.parse(state.startedAt))}</Fact>
            <Fact name="Since">
              <Time at={state.startedAt} />
            </Fact>
            <Fact name="API" wide>
              <a href="./docs">reference</a>, <a href="./openapi.json">OpenAPI</a>,{' '}
              <a href="./metrics">metrics</a>
            </Fact>
          </Facts>
        </>
      )}
    </Section>
  );
}
