import type { JobEvent } from '@scion/sdk';

export interface Curve {
  /** `fold 1 of 5`, `final`. */
  name: string;
  /** Losses, one value per step of `Curves.steps`; null where this fit has none. */
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

const foldName = /\s*fold \d+ of \d+\s*/;

/**
 * One curve for each set of folds, the mean over them, in place of the folds. A fold that stopped early counts on with
 * its last value, so that the mean does not jump where one ends.
 */
export function meanOfFolds({ steps, curves }: Curves): Curves {
  const groups = new Map<string, Curve[]>();
  for (const curve of curves) {
    const stem = curve.name.replace(foldName, ' ').trim();
    const name = foldName.test(curve.name) ? `${stem ? `${stem}, ` : ''}mean of folds` : curve.name;
    groups.set(name, [...(groups.get(name) ?? []), curve]);
  }
  const merged = [...groups].map(([name, members]) => ({
    name,
    training: meanOf(
      steps,
      members.map(({ training }) => training),
    ),
    validation: meanOf(
      steps,
      members.map(({ validation }) => validation),
    ),
  }));
  return { steps, curves: merged };
}

function meanOf(steps: number[], members: (number | null)[][]): (number | null)[] {
  return steps.map((_, at) => {
    if (members.every((values) => values[at] === null)) return null;
    const known = members.map((values) => valueAt(values, at)).filter((value) => value !== null);
    return known.reduce((sum, value) => sum + value, 0) / known.length;
  });
}

/** Curves of several runs over one x axis; each name is prefixed with its run's. */
export function overlay(runs: readonly { name: string; curves: Curves }[]): Curves {
  const steps = [...new Set(runs.flatMap(({ curves }) => curves.steps))].sort((a, b) => a - b);
  const spread = (own: number[], values: (number | null)[]) => {
    const byStep = new Map(own.map((step, at) => [step, values[at] ?? null]));
    return steps.map((step) => byStep.get(step) ?? null);
  };
  return {
    steps,
    curves: runs.flatMap(({ name, curves }) =>
      curves.curves.map((curve) => ({
        name: name ? `${name}, ${curve.name}` : curve.name,
        training: spread(curves.steps, curve.training),
        validation: spread(curves.steps, curve.validation),
      })),
    ),
  };
}
