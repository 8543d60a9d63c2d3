import { RUN_COST_TOKENS } from '../thread/split-batch.js';

/**
 * Rows that wait for a run, a line for each flow (a tenant), and the rule who goes next: start-time fair queueing (Goyal,
 * Vin, Cheng 1996) by cost, the rule of ADR 3 for jobs. A flow's clock advances by what its rows cost; the flow whose
 * clock is lowest goes next. Rows of like length are taken together, whosever they are, for a run pads all to its longest.
 */
export interface Waiting {
  flow: string;
  /** Estimated length. */
  tokens: number;
  /** Estimated cost, in any unit that `correct` shares. `push` lowers it to a token's for rows that are computed once. */
  cost: number;
  /** Rows of a run with the same object here are computed once, and count as one token each but for the first. */
  same?: object | undefined;
}

export interface Lines<T extends Waiting> {
  push(item: T): void;
  /**
   * The next rows for one run, in the order they were chosen: at least one if any waits, otherwise no more tokens than
   * given. The first is the oldest of the flow that is due; the others are of its length or the next shorter or longer.
   */
  take(tokens: number): T[];
  /** Takes out what waits and must not any more. */
  drop(gone: (item: T) => boolean): void;
  /** Adds to a flow's clock what its rows cost more than estimated, or less. */
  correct(flow: string, cost: number): void;
  /** Rows waiting, of one flow or of all. */
  rows(flow?: string): number;
  /** Estimated tokens waiting. */
  tokens(): number;
  /** Estimated cost of what waits. */
  cost(): number;
  /** What is served before the last of so much more of a flow's: its own that waits, and of each other as much at most. */
  ahead(flow: string, more: number): number;
  /** Flows with rows waiting. */
  flows(): number;
  /** Where the oldest stands that waits. */
  oldest(): T | undefined;
}

interface Flow<T> {
  /** Virtual time at which its next row starts. */
  clock: number;
  /** Where the others were when it came: what it gets back never takes it before that. */
  from: number;
  rows: number;
  /** Of its rows. */
  cost: number;
  /** By length class; each in the order of arrival. */
  classes: Map<number, Entry<T>[]>;
}
interface Entry<T> {
  order: number;
  item: T;
}

/** Lengths within a factor of 1.5, a run's fixed cost included, are one class. */
const classOf = (tokens: number) => Math.ceil(Math.log(tokens + RUN_COST_TOKENS) / Math.log(1.5));

export function createLines<T extends Waiting>(): Lines<T> {
  const flows = new Map<string, Flow<T>>();
  let order = 0;
  /** Virtual time: where the flow served last stood. */
  let now = 0;
  let rows = 0;
  let tokens = 0;
  /** How many rows wait with the same object. */
  const again = new Map<object, number>();

  const due = (has: (flow: Flow<T>) => boolean): Flow<T> | undefined => {
    let best: Flow<T> | undefined;
    for (const flow of flows.values())
      if (flow.rows > 0 && has(flow) && (best === undefined || flow.clock < best.clock)) best = flow;
    return best;
  };
  const oldestOf = (flow: Flow<T>): { length: number; entry: Entry<T> } => {
    let found: { length: number; entry: Entry<T> } | undefined;
    for (const [length, [entry]] of flow.classes)
      if (found === undefined || entry.order < found.entry.order) found = { length, entry };
    return found!;
  };
  const count = (same: object, more: number): number => {
    const rows = (again.get(same) ?? 0) + more;
    if (rows > 0) again.set(same, rows);
    else again.delete(same);
    return rows;
  };
  const remove = (flow: Flow<T>, length: number, at: number): T => {
    const line = flow.classes.get(length)!;
    const [{ item }] = line.splice(at, 1);
    if (line.length === 0) flow.classes.delete(length);
    flow.rows -= 1;
    // Sums of fractions do not come back to zero by themselves.
    flow.cost = flow.rows === 0 ? 0 : flow.cost - item.cost;
    rows -= 1;
    tokens -= item.tokens;
    if (item.same) count(item.same, -1);
    return item;
  };
  const serve = (flow: Flow<T>, length: number): T => {
    const item = remove(flow, length, 0);
    now = Math.max(now, flow.clock);
    flow.clock += item.cost;
    return item;
  };
  /** A flow that waits for nothing and owes nothing is forgotten; when all wait for nothing, every debt is. */
  const forget = () => {
    for (const [name, flow] of flows)
      if (flow.rows === 0 && (rows === 0 || flow.clock <= now)) flows.delete(name);
  };

  return {
    push(item) {
      const flow = flows.get(item.flow) ?? { clock: 0, from: 0, rows: 0, cost: 0, classes: new Map() };
      flows.set(item.flow, flow);
      if (flow.rows === 0) {
        // A flow that was away has not saved up time: it starts where the others are, who may have got some back.
        flow.from = Math.min(now, due(() => true)?.clock ?? now);
        flow.clock = Math.max(flow.clock, flow.from);
      }
      if (item.same && count(item.same, 1) > 1) item.cost /= item.tokens;
      const length = classOf(item.tokens);
      const line = flow.classes.get(length) ?? [];
      line.push({ order, item });
      flow.classes.set(length, line);
      order += 1;
      flow.rows += 1;
      flow.cost += item.cost;
      rows += 1;
      tokens += item.tokens;
    },

    take(limit) {
      const first = due(() => true);
      if (first === undefined) return [];
      const { length } = oldestOf(first);
      const taken = [serve(first, length)];
      let longest = taken[0].tokens;
      const seen = new Set([taken[0].same]);
      let distinct = 1;
      for (const near of [length, length - 1, length + 1])
        for (;;) {
          const flow = due(({ classes }) => classes.has(near));
          const next = flow?.classes.get(near)?.[0].item;
          if (flow === undefined || next === undefined) break;
          const again = next.same !== undefined && seen.has(next.same);
          const rows = distinct + (again ? 0 : 1);
          const width = Math.max(longest, next.tokens);
          if (rows * width + taken.length + 1 - rows > limit) break;
          [longest, distinct] = [width, rows];
          seen.add(next.same);
          taken.push(serve(flow, near));
        }
      forget();
      return taken;
    },

    drop(gone) {
      for (const flow of flows.values())
        for (const [length, line] of [...flow.classes])
          for (let at = line.length - 1; at >= 0; at -= 1) if (gone(line[at].item)) remove(flow, length, at);
      forget();
    },

    correct(name, cost) {
      const flow = flows.get(name);
      // Even before the others, unlike in ADR 3: a run here is too short to keep anybody waiting.
      if (flow) flow.clock = Math.max(flow.from, flow.clock + cost);
    },

    rows: (flow) => (flow === undefined ? rows : (flows.get(flow)?.rows ?? 0)),
    tokens: () => tokens,
    cost: () => [...flows.values()].reduce((sum, { cost }) => sum + cost, 0),
    ahead(name, more) {
      const own = flows.get(name)?.cost ?? 0;
      let before = own;
      for (const [other, { cost }] of flows) if (other !== name) before += Math.min(cost, own + more);
      return before;
    },
    flows: () => [...flows.values()].filter(({ rows: own }) => own > 0).length,
    oldest() {
      let best: Entry<T> | undefined;
      for (const flow of flows.values()) {
        if (flow.rows === 0) continue;
        const { entry } = oldestOf(flow);
        if (best === undefined || entry.order < best.order) best = entry;
      }
      return best?.item;
    },
  };
}
