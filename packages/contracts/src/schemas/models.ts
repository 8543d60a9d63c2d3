/** Models: versions, cards and the alias `live`. */
import { type Static, Type } from 'typebox';
import { limits } from '../limits.js';
import { GateDecision, JobState } from './jobs.js';
import {
  ByLabel,
  closed,
  JobId,
  Label,
  Nullable,
  PageQuery,
  Sha256,
  TaskKind,
  TaskName,
  TenantId,
  TimeRange,
  Timestamp,
  UserId,
} from './primitives.js';

export const LoraRecipe = Type.Object(
  {
    rank: Type.Integer({ minimum: 1, maximum: limits.loraRank }),
    alpha: Type.Number({ exclusiveMinimum: 0, description: 'The update is scaled by alpha / rank' }),
    layers: Type.Array(Type.Integer({ minimum: 0 }), {
      minItems: 1,
      uniqueItems: true,
      description: 'Adapted layers of the base, counted from 0',
    }),
    targets: Type.Array(Type.String(), {
      minItems: 1,
      uniqueItems: true,
      description: 'Adapted modules of each layer, as `query` and `value`',
    }),
  },
  { ...closed, description: 'Of a low-rank adapter, with the meanings that Hugging Face PEFT gives them' },
);

/** What can be said of a version's answers to rows that the models behind them had not seen. */
export const Evaluation = Type.Object(
  {
    labels: Type.Optional(
      Type.Array(
        Type.Object(
          {
            precision: Type.Number(),
            recall: Type.Number(),
            f1: Type.Number(),
            support: Type.Integer({ description: 'Rows that have the label' }),
          },
          closed,
        ),
        { description: 'In the order of the card’s labels' },
      ),
    ),
    confusion: Type.Optional(
      Type.Array(Type.Array(Type.Integer()), {
        description:
          'Of a classification of up to 32 labels: rows by true label (outer) and answered label (inner), in their order',
      }),
    ),
    reliability: Type.Optional(
      Type.Array(
        Type.Object(
          {
            from: Type.Number(),
            to: Type.Number(),
            count: Type.Integer(),
            confidence: Type.Number({ description: 'Mean probability of the answers in this bin' }),
            accuracy: Type.Number({ description: 'Share of them that was right' }),
          },
          closed,
        ),
      ),
    ),
    curve: Type.Array(
      Type.Object(
        {
          series: Type.String(),
          step: Type.Integer(),
          loss: Type.Optional(Type.Number()),
          validationLoss: Type.Optional(Type.Number()),
        },
        closed,
      ),
      { description: 'Losses on the way, thinned out' },
    ),
  },
  closed,
);

/** The card of a version: everything needed to explain it, stored in the artifact's own header. */
export const Card = Type.Object(
  {
    task: TaskName,
    version: Type.Integer({ minimum: 1 }),
    jobId: JobId,
    createdAt: Timestamp,
    kind: Type.Optional({ ...TaskKind, description: 'Left out: `classification`' }),
    method: Type.Enum(['head', 'lora']),
    labels: Type.Array(Label, { description: 'Of a regression none' }),
    examples: Type.Integer(),
    examplesPerLabel: ByLabel(Type.Integer()),
    baseSha256: Sha256,
    dataSha256: Sha256,
    weightsSha256: Type.Optional({
      ...Sha256,
      description:
        'Of the adapter’s tensors: names, types, shapes and numbers. `adapterSha256` beside a card is of the whole file, card included',
    }),
    recipe: Type.Object(
      {
        l2: Type.Number({
          description:
            'The L2 penalty of the head, chosen by cross-validation; with adapters, that of the start',
        }),
        folds: Type.Integer(),
        seed: Type.Integer(),
        temperature: Type.Number({ description: 'Logits are divided by this; fitted on held-out folds' }),
        lora: Type.Optional(LoraRecipe),
        epochs: Type.Optional(
          Type.Integer({ description: 'Of adapters: as many as held-out loss was least at' }),
        ),
        startedFrom: Type.Optional(
          Type.Integer({
            description: 'The version whose adapters these went on from; left out: from scratch',
          }),
        ),
        adapterRate: Type.Optional(Type.Number()),
        headRate: Type.Optional(Type.Number()),
        batchRows: Type.Optional(Type.Integer()),
        weightDecay: Type.Optional(Type.Number()),
        labelSmoothing: Type.Optional(Type.Number()),
        classBalance: Type.Optional(Type.Number()),
      },
      closed,
    ),
    seconds: Type.Object({ embed: Type.Number(), fit: Type.Number() }, closed),
    gate: GateDecision,
    evaluation: Type.Optional(Evaluation),
  },
  closed,
);
export const ModelVersion = Type.Object(
  {
    version: Type.Integer(),
    live: Type.Boolean(),
    pinned: Type.Optional(Type.Boolean({ description: 'True while pinned; left out otherwise' })),
    adapterSha256: Sha256,
    adapterBytes: Type.Integer(),
    card: Card,
  },
  closed,
);
export const AliasEntry = Type.Object(
  {
    version: Type.Integer(),
    at: Timestamp,
    by: Type.String({ description: 'The job or key that switched it' }),
    reason: Type.Enum(['gate', 'rollback', 'promotion']),
  },
  closed,
);
export const Model = Type.Object(
  {
    tenantId: TenantId,
    task: TaskName,
    user: UserId,
    examples: Type.Integer(),
    versions: Type.Integer(),
    live: Nullable(ModelVersion),
    history: Type.Array(AliasEntry, { description: 'Switches of `live`, newest first' }),
  },
  closed,
);
export const ModelSummary = Type.Object(
  {
    tenantId: TenantId,
    task: TaskName,
    user: UserId,
    live: Nullable(
      Type.Object(
        {
          version: Type.Integer(),
          createdAt: Timestamp,
          method: Card.properties.method,
          labels: Type.Integer({ description: 'How many labels it tells apart' }),
          examples: Type.Integer({ description: 'It was trained on' }),
          adapterBytes: Type.Integer(),
          accuracy: Type.Optional(
            Type.Number({ description: 'On rows it was not trained on, 0 to 1; not of a regression' }),
          ),
        },
        { ...closed, description: 'The version that answers; null while none does' },
      ),
    ),
    lastJob: Nullable(
      Type.Object(
        { id: JobId, state: JobState, createdAt: Timestamp, finishedAt: Nullable(Timestamp) },
        closed,
      ),
    ),
  },
  closed,
);
export const ModelsQuery = Type.Object(
  {
    ...PageQuery.properties,
    task: Type.Optional(TaskName),
    user: Type.Optional(UserId),
    state: Type.Optional(
      Type.Enum(['live', 'untrained'], { description: 'Whether a version is live, or none yet' }),
    ),
    from: Type.Optional({
      ...TimeRange.from,
      description: 'Only models whose live version was made at this moment or later',
    }),
    to: Type.Optional({
      ...TimeRange.to,
      description: 'Only models whose live version was made before this moment',
    }),
  },
  closed,
);
export const Rollback = Type.Object(
  {
    version: Type.Optional(
      Type.Integer({ minimum: 1, description: 'Left out: the version that was live before this one' }),
    ),
  },
  closed,
);

export const Promotion = Type.Object({ version: Type.Integer({ minimum: 1, maximum: 99_999_999 }) }, closed);
export const Collection = Type.Object(
  {
    removed: Type.Array(Type.Integer(), { description: 'Versions that the task’s policy no longer keeps' }),
    leftovers: Type.Integer({ description: 'Folders removed whose publishing had died half-way' }),
    kept: Type.Integer({ description: 'Versions there are now' }),
  },
  closed,
);

export type LoraRecipe = Static<typeof LoraRecipe>;
export type Evaluation = Static<typeof Evaluation>;
export type Card = Static<typeof Card>;
export type ModelVersion = Static<typeof ModelVersion>;
export type AliasEntry = Static<typeof AliasEntry>;
export type Model = Static<typeof Model>;
export type ModelSummary = Static<typeof ModelSummary>;
export type ModelsQuery = Static<typeof ModelsQuery>;
export type Collection = Static<typeof Collection>;
