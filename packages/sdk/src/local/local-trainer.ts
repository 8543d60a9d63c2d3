import { createHash } from 'node:crypto';
import {
  type Answer,
  type Card,
  createIds,
  type GateDecision,
  type ModelRef,
  type PredictResponse,
  type TaskKind,
} from '@scion/contracts';
import {
  askLive,
  decideGate,
  type Engine,
  encodeAdapter,
  LORA_SETTINGS,
  type TrainedHead,
  type TrainedLora,
} from '@scion/engine';
import { ScionError } from '../errors.js';
import type { Trainer, TrainOutcome, TrainRequest } from '../estimator/trainer.js';
import type { LiveVersion, ModelRecord, Records } from './records.js';

/** One process is one tenant. */
const tenantId = 'ten_00000000000000000000000000';

export interface LocalTrainerOptions {
  engine: Engine;
  records: Records;
  task: string;
  kind: TaskKind;
  abstainBelow: number;
  close(): Promise<void>;
}

/** Trains and predicts in this process: what the worker and the API do, without either. */
export function createLocalTrainer(options: LocalTrainerOptions): Trainer {
  const { engine, records, task, kind, abstainBelow } = options;
  const newId = createIds(Date.now);
  const refOf = (user: string): ModelRef => ({ tenantId, task, user });

  return {
    kind: async () => kind,
    close: options.close,

    train(user, request) {
      const ref = refOf(user);
      return records.inTurn(ref, async () => {
        const before = await records.read(ref);
        const kept = request.keepOthers ? before.rows : [];
        const rows = [...new Map([...kept, ...request.rows].map((row) => [row.id, row])).values()];
        let record: ModelRecord = { ...before, rows };
        await records.write(ref, record);
        const outcome = await trainStages(engine, kind, ref, record, request, async (model, gate) => {
          const jobId = newId('job');
          const {
            version,
            sha256,
            card: sealed,
          } = await publishNext(records, ref, record.lastVersion, (next) => {
            const card = cardOf(engine, { ref, kind, version: next, jobId, record, model, gate, request });
            return encodeAdapter({
              ...{ weight: model.weight, bias: model.bias, scale: model.scale, card, owner: ref },
              ...('matrices' in model && { lora: model.matrices }),
            });
          });
          const goesLive = gate.promoted || !request.gate;
          record = {
            ...record,
            lastVersion: version,
            live: goesLive
              ? { version, adapterSha256: sha256, card: sealed, rowIds: rows.map(({ id }) => id) }
              : record.live,
          };
          await records.write(ref, record);
        });
        return {
          ...outcome,
          version: record.live?.version ?? null,
          method: record.live?.card.method ?? null,
        };
      });
    },

    async predict(user, inputs) {
      const ref = refOf(user);
      const { live } = await records.read(ref);
      if (!live)
        throw new ScionError({
          code: 'model_not_trained',
          title: 'This user has no trained model yet',
          detail: 'Call fit first; with gate, a model that does not win stays out of use.',
        });
      const { version, adapterSha256 } = live;
      const answer = await engine.predict({ ...ref, version, adapterSha256 }, [...inputs]);
      return toPredictions(kind, abstainBelow, answer);
    },

    async forget(user) {
      const ref = refOf(user);
      await records.inTurn(ref, async () => {
        engine.evict(ref);
        await records.forget(ref);
      });
    },
  };
}

/** The rows that a version was not trained on. */
function newTo({ rowIds }: LiveVersion, rows: ModelRecord['rows']): number[] {
  const known = rowIds && new Set(rowIds);
  return known ? rows.flatMap(({ id }, row) => (known.has(id) ? [] : [row])) : [];
}

type Artifact = ReturnType<typeof encodeAdapter>;

/**
 * Writes an artifact under the next free number. One that is taken while the record does not know it was left by a process
 * that died between the two.
 */
async function publishNext(
  records: Records,
  ref: ModelRef,
  lastVersion: number,
  encode: (version: number) => Artifact,
): Promise<Artifact & { version: number }> {
  for (let version = lastVersion + 1; ; version += 1) {
    const artifact = encode(version);
    if (await records.createAdapter(ref, version, artifact.bytes)) return { version, ...artifact };
    if ((await records.read(ref)).lastVersion >= version)
      throw new ScionError({
        code: 'model_changed',
        title: 'Another process trained this model meanwhile',
        detail: `Version ${version} is its work, and stays. Fit again, one process at a time.`,
      });
  }
}

type Publish = (model: TrainedHead | TrainedLora, gate: GateDecision) => Promise<void>;

/** The head first, then adapters where they are wanted and win. */
async function trainStages(
  engine: Engine,
  kind: TaskKind,
  ref: ModelRef,
  { rows, live: before }: ModelRecord,
  { training: settings, gate: gated, signal, onMetric, onProgress }: TrainRequest,
  publish: Publish,
): Promise<Pick<TrainOutcome, 'gate' | 'stopped'>> {
  const { method = 'auto', classBalance = 0, seed = seedOf(ref), ...given } = settings;
  const truth = rows.map(({ label }) => label);
  let decision: GateDecision | null = null;
  try {
    onProgress(0.05, 'head');
    const live =
      gated && before
        ? await askLive(
            engine,
            {
              key: { ...ref, version: before.version, adapterSha256: before.adapterSha256 },
              card: before.card,
            },
            { kind, inputs: rows.map(({ input }) => input), rows: newTo(before, rows), signal },
          )
        : undefined;
    const training = engine.training(
      {
        ...{ tenantId, kind, classBalance },
        texts: rows.map(({ input }) => input),
        answers: truth,
        weights: rows.map(({ weight = 1 }) => weight),
        ids: rows.map(({ id }) => id),
      },
      {
        ...{ seed, signal },
        onEvent({ series, step, loss, validationLoss }) {
          if (loss !== undefined) onMetric({ series, step, loss, validationLoss, attempt: 1 });
        },
      },
    );
    const head = await training.head();
    signal.throwIfAborted();
    const wantsLora = method !== 'head' && training.canAdapt;
    if (method !== 'lora' || !wantsLora) {
      decision = decideGate({ kind, truth, candidate: { labels: head.labels, ...head.outOfFold }, live });
      await publish(head, decision);
    }
    if (!wantsLora) return { gate: decision, stopped: false };
    onProgress(0.2, 'adapter');
    const rank = given.rank ?? LORA_SETTINGS.rank;
    const alpha = (LORA_SETTINGS.alpha / LORA_SETTINGS.rank) * rank;
    const lora = await training.lora({
      settings: { ...LORA_SETTINGS, alpha, ...given },
      headL2: head.recipe.l2,
      dataSha256: dataHash(rows),
    });
    signal.throwIfAborted();
    onProgress(0.9, 'evaluating');
    const gate = decideGate({
      ...{ kind, truth, live },
      candidate: { labels: lora.labels, ...lora.outOfFold },
      head: { labels: lora.labels, ...lora.headOutOfFold },
    });
    // Adapters that lose to the head are dropped, unless nothing else was asked for and nobody judges.
    if (gate.promoted || (method === 'lora' && !gated)) await publish(lora, gate);
    return { gate, stopped: false };
  } catch (error) {
    if (!signal.aborted) throw error;
    return { gate: decision, stopped: true };
  }
}

function cardOf(
  { base }: Engine,
  options: {
    ref: ModelRef;
    kind: TaskKind;
    version: number;
    jobId: string;
    record: ModelRecord;
    model: TrainedHead | TrainedLora;
    gate: GateDecision;
    request: TrainRequest;
  },
): Card {
  const { ref, kind, version, jobId, record, model, gate, request } = options;
  const { rank = LORA_SETTINGS.rank, seed = seedOf(ref) } = request.training;
  const { alpha = (LORA_SETTINGS.alpha / LORA_SETTINGS.rank) * rank } = request.training;
  const counts = new Map<string, number>();
  for (const { label } of record.rows)
    for (const one of typeof label === 'number' ? [] : [label].flat())
      counts.set(one, (counts.get(one) ?? 0) + 1);
  return {
    ...{ task: ref.task, version, jobId, kind, gate },
    createdAt: new Date().toISOString(),
    method: 'matrices' in model ? 'lora' : 'head',
    labels: model.labels,
    examples: record.rows.length,
    examplesPerLabel: Object.fromEntries(counts),
    baseSha256: base.sha256,
    dataSha256: dataHash(record.rows),
    recipe: {
      ...model.recipe,
      seed,
      ...('matrices' in model && {
        lora: {
          ...{ rank, alpha },
          layers: [...new Set(base.sites.map(({ layer }) => layer))],
          targets: [...new Set(base.sites.map(({ target }) => target))],
        },
      }),
    },
    seconds: model.seconds,
  };
}

function toPredictions(
  kind: TaskKind,
  abstainBelow: number,
  { labels, probabilities }: { labels: string[]; probabilities: Float32Array },
): PredictResponse['predictions'] {
  if (kind === 'regression') return Array.from(probabilities, (value) => ({ value }));
  const rows = Array.from({ length: probabilities.length / labels.length }, (_, row) =>
    probabilities.subarray(row * labels.length, (row + 1) * labels.length),
  );
  const named = (values: Float32Array) =>
    Object.fromEntries(labels.map((label, at): [string, number] => [label, values[at]!]));
  if (kind === 'multilabel')
    return rows.map((values) => ({
      labels: labels.filter((_, at) => values[at]! >= 0.5),
      probabilities: named(values),
      abstained: values.some((p) => Math.max(p, 1 - p) < abstainBelow),
    }));
  return rows.map((values) => {
    const best = values.reduce((top, value, at) => (value > values[top]! ? at : top), 0);
    const probability = values[best]!;
    const abstained = probability < abstainBelow;
    return { label: abstained ? null : labels[best]!, probability, probabilities: named(values), abstained };
  });
}

const hash = (text: string): Buffer => createHash('sha256').update(text).digest();

const dataHash = (rows: readonly { id: string; input: string; label: Answer }[]): string =>
  hash(JSON.stringify(rows.map(({ id, input, label }) => [id, input, label]).sort())).toString('hex');

const seedOf = ({ task, user }: ModelRef): number => hash(`${task}\0${user}`).readUInt32BE();
