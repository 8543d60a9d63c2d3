import type { SystemState } from '@scion/sdk';
import { bytes, count, percent } from '../format.js';
import type { Live } from '../live.js';
import { hrefOf } from '../navigation.js';
import type { Section } from '../route.js';

/** The service in five figures; each leads to the section that explains it. */
export function Glance({ system: { data } }: { system: Live<SystemState> }) {
  const asked = data ? data.cache.hits + data.cache.misses : 0;
  return (
    <ul class="glance" aria-label="At a glance">
      <Figure
        section="jobs"
        label="Training now"
        value={data && count(data.queue.active)}
        lively={!!data?.queue.active}
      />
      <Figure section="jobs" label="Waiting" value={data && count(data.queue.waiting + data.queue.delayed)} />
      <Figure
        section="base"
        label="Workers"
        value={data && count(data.workers)}
        alarm={data?.workers === 0}
      />
      <Figure
        section="cache"
        label="Adapters in memory"
        value={data && count(data.cache.entries)}
        unit={data && bytes(data.cache.bytes)}
      />
      <Figure
        section="cache"
        label="Cache hits"
        value={data && (asked === 0 ? '–' : percent(data.cache.hits / asked))}
      />
    </ul>
  );
}

interface FigureProps {
  section: Section;
  label: string;
  value: string | undefined;
  unit?: string | undefined;
  /** Something happens right now. */
  lively?: boolean;
  /** Someone should look. */
  alarm?: boolean;
}

function Figure({ section, label, value, unit, lively = false, alarm = false }: FigureProps) {
  return (
    <li>
      <a
        href={hrefOf({ section })}
        class={alarm ? 'figure figure-alarm' : lively ? 'figure figure-lively' : 'figure'}
      >
        <span class="figure-label">{label}</span>
        <span class="figure-value">
          {value ?? <span class="loading-row" />}
          {unit && <small> {unit}</small>}
        </span>
      </a>
    </li>
  );
}
