import type { SystemState } from '@scion/sdk';
import { now } from '../../clock.js';
import { count, duration, percent, plural, shortHash } from '../../format.js';
import { Copyable } from '../../parts/copyable.js';
import { Fact, Facts } from '../../parts/facts.js';
import { Panel } from '../../parts/panel.js';
import { Time } from '../../parts/time.js';

/** The frozen model that all adapters stand on, and the process that runs it. */
export function Base({ system }: { system: SystemState }) {
  const { base } = system;
  return (
    <Panel title={base.name} note="registered base" span={5}>
      <Facts>
        <Fact name="Runs on">{base.provider}</Fact>
        {base.providerFallback !== null && (
          <Fact name="Not as asked" wide>
            <span class="bad">{base.providerFallback}</span>
          </Fact>
        )}
        <Fact name="Threads">{plural(system.threads, 'thread')}</Fact>
        <Fact name="Layers">{count(base.layers)}, frozen</Fact>
        <Fact name="Trunk" wide={base.int8Trunk !== null}>
          {base.int8Trunk === null
            ? 'float32'
            : `int8, cosine ${base.int8Trunk.featureCosine.least.toFixed(4)} or more to float32 (≥ ${base.int8Trunk.allowed.featureCosine})`}
        </Fact>
        <Fact name="Hidden size">{count(base.hiddenSize)}</Fact>
        <Fact name="Self-check" wide>
          <Checked check={base.selfCheck} />
        </Fact>
        <Fact name="SHA-256">
          <Copyable value={base.sha256} shown={shortHash(base.sha256)} what="base hash" />
        </Fact>
        <Fact name="Scion">{system.version}</Fact>
        <Fact name="Up for">{duration(now.value - Date.parse(system.startedAt))}</Fact>
        <Fact name="Since">
          <Time at={system.startedAt} />
        </Fact>
        <Fact name="API" wide>
          <a href="./docs">reference</a>, <a href="./openapi.json">OpenAPI</a>,{' '}
          <a href="./metrics">metrics</a>
        </Fact>
      </Facts>
    </Panel>
  );
}

/** What registration found: whether adapters' gradients are right, and an exported file's halves answer as the whole. */
function Checked({ check }: { check: SystemState['base']['selfCheck'] }) {
  if (!check) return <span class="quiet">an earlier release registered it, without one</span>;
  const { directions, worst, halves } = check;
  return (
    <>
      <span class="good">Gradient right</span> in {count(directions)} directions, the worst at{' '}
      <span title={String(worst)}>{percent(worst)}</span> of what is allowed
      {halves && (
        <>
          ; cut in two it answers as the file, to{' '}
          <span title={String(halves.error)}>{halves.error.toExponential(0)}</span>
        </>
      )}
      .
    </>
  );
}
