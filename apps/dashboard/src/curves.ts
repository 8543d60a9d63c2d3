import type { JobEvent } from '@scion/sdk';

export interface Curve {
  /** `fold 1 of 5`, `final`. */
  name: string;
  /** Nats, one value per step of `Curves.steps`; null where this fit has none. */
  training: (number | null)[];
  validation: (number | null)[];
}

export interface Curves {
  /** Optimizer steps, ascending: the x axis that all curves share. */
  steps: number[];
  /** In order of first appearance. */
  curves: Curve[];
}

/**
 * Turns a job's events into curves. A step told twice (a worker died and another took over) counts once, as last
 * told, so that a reload and a resumed run draw the same.
 */
export function assembleCurves(events: readonly JobEvent[]): Curves {
  const values = new Map<string, Map<number, { training: number | null; validation: number | null }>>();
  const seen = new Set<number>();
  for (const event of events) {
    if (event.type !== 'metric' || event.step === undefined) continue;
    const name = event.series ?? 'loss';
    const curve = values.get(name) ?? new Map();
    values.set(name, curve);
    curve.set(event.step, { training: event.loss ?? null, validation: event.validationLoss ?? null });
    seen.add(event.step);
  }
  const steps = [...seen].sort((a, b) => a - b);
  const curves = [...values].map(([name, points]) => ({
    name,
    training: steps.map((step) => points.get(step)?.training ?? null),
    validation: steps.map((step) => points.get(step)?.validation ?? null),
  }));
  return { steps, curves };
}

/** The value at an index, or the nearest one before it: what a read-out shows between two told steps. */
export function valueAt(values: readonly (number | null)[], index: number): number | null {
  for (let at = Math.min(index, values.length - 1); at >= 0; at -= 1) {
    const value = values[at];
    if (value !== null && value !== undefined) return value;
  }
  return null;
}
