/** The scheduler of `fair/scripts.ts` as a pure model: the same rule over plain maps, without claims and retries. */
export interface ModelJob {
  id: string;
  tenant: string;
  /** 0 interactive, 1 bulk. */
  level: 0 | 1;
}

interface Flow {
  tenant: string;
  level: 0 | 1;
  jobs: ModelJob[];
  finish: number;
  served: number;
  estimate: number;
  ready: boolean;
  /** Start tag of its next job, while ready. */
  tag: number;
}

export interface FairModel {
  enqueue(job: ModelJob, share?: { weight?: number; cap?: number }): void;
  /** Takes jobs until `slots` are in use; returns them in order. */
  admit(slots: number): ModelJob[];
  end(job: ModelJob, seconds: number): void;
}

const levelWeight = [4, 1] as const;

export function createFairModel(): FairModel {
  const flows = new Map<string, Flow>();
  const shares = new Map<string, { weight: number; cap: number }>();
  const active = new Map<string, { job: ModelJob; charge: number }>();
  let v = 0;
  let vmax = 0;
  let served = 0;

  function flowOf(tenant: string, level: 0 | 1): Flow {
    const name = `${level}|${tenant}`;
    const known = flows.get(name);
    if (known) return known;
    const made = { tenant, level, jobs: [], finish: 0, served: 0, estimate: 0, ready: false, tag: 0 };
    flows.set(name, made);
    return made;
  }
  const weightOf = ({ tenant, level }: Flow): number =>
    (shares.get(tenant)?.weight ?? 1) * levelWeight[level];
  const tagOf = (flow: Flow): number => Math.max(v, flow.finish);
  const running = (tenant: string): number =>
    [...active.values()].filter(({ job }) => job.tenant === tenant).length;

  function offer(flow: Flow): void {
    const cap = shares.get(flow.tenant)?.cap ?? 0;
    const may = flow.jobs.length > 0 && (cap === 0 || running(flow.tenant) < cap);
    if (may && !flow.ready) flow.tag = tagOf(flow);
    flow.ready = may;
  }
  function offerBoth(tenant: string): void {
    offer(flowOf(tenant, 0));
    offer(flowOf(tenant, 1));
  }
  function setFinish(flow: Flow, finish: number): void {
    flow.finish = finish;
    flow.tag = tagOf(flow);
    vmax = Math.max(vmax, finish);
  }

  return {
    enqueue(job, { weight = 1, cap = 0 } = {}) {
      shares.set(job.tenant, { weight, cap });
      flowOf(job.tenant, job.level).jobs.push(job);
      offerBoth(job.tenant);
    },
    admit(slots) {
      const taken: ModelJob[] = [];
      while (active.size < slots) {
        const [first] = [...flows]
          .filter(([, flow]) => flow.ready)
          .sort(([a, one], [b, two]) => one.tag - two.tag || one.served - two.served || (a < b ? -1 : 1));
        if (!first) {
          if (active.size === 0) v = Math.max(v, vmax);
          break;
        }
        const flow = first[1];
        const start = flow.tag;
        served += 1;
        flow.served = served;
        const job = flow.jobs.shift() as ModelJob;
        const charge = flow.estimate > 0 ? flow.estimate : 1;
        active.set(job.id, { job, charge });
        v = Math.max(v, start);
        setFinish(flow, start + charge / weightOf(flow));
        offerBoth(job.tenant);
        taken.push(job);
      }
      return taken;
    },
    end(job, seconds) {
      const flow = flowOf(job.tenant, job.level);
      const charge = active.get(job.id)?.charge ?? 0;
      setFinish(flow, flow.finish + (seconds - charge) / weightOf(flow));
      if (seconds > 0) flow.estimate = (flow.estimate > 0 ? flow.estimate : seconds) * 0.8 + seconds * 0.2;
      active.delete(job.id);
      offerBoth(job.tenant);
    },
  };
}
