import type { ModelVersion } from '@scion/sdk';
import { mainScore } from '../../data/scores.js';
import { Time } from '../../parts/time.js';

interface TimelineProps {
  /** Oldest first. */
  versions: ModelVersion[];
  chosen: number;
  onChoose(version: number): void;
}

/** Every version as a bud on one stem; the live one has opened into a leaf. */
export function Timeline({ versions, chosen, onChoose }: TimelineProps) {
  return (
    <ol class="timeline" aria-label="Versions, oldest first">
      {versions.map(({ version, live, pinned, card }) => (
        <li key={version} class={live ? 'bud-live' : card.gate.promoted ? 'bud-passed' : 'bud-kept'}>
          <button
            type="button"
            aria-pressed={version === chosen}
            title={`${stateOf({ live, card })}. ${card.gate.reason}`}
            onClick={() => onChoose(version)}
          >
            <span class="bud" aria-hidden="true" />
            <strong>
              v{version}
              {pinned && <span class="bud-pin"> pinned</span>}
            </strong>
            <span>{mainScore(card.gate.candidate).shown}</span>
            <span class="quiet">{stateOf({ live, card })}</span>
            <span class="quiet">
              <Time at={card.createdAt} as="ago" />
            </span>
          </button>
        </li>
      ))}
    </ol>
  );
}

function stateOf({ live, card }: Pick<ModelVersion, 'live' | 'card'>): string {
  if (live) return 'live';
  return card.gate.promoted ? 'was live' : 'kept back';
}
