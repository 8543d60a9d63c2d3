import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { limits } from '@scion/contracts';
import type { Provider } from '@scion/engine';
import type { StoreSettings } from '@scion/store';
import { type Static, Type } from 'typebox';
import { Compile } from 'typebox/compile';
import type { TLocalizedValidationError } from 'typebox/error';
import { Value } from 'typebox/value';

/** Every variable this process reads. Each says its unit, its default and what changing it does. */
const Environment = Type.Object({
  SCION_HOST: Type.String({
    default: '127.0.0.1',
    description: 'Address to listen on. 0.0.0.0 opens the API to the network; put TLS in front of it then.',
  }),
  SCION_PORT: Type.Integer({
    minimum: 0,
    maximum: 65_535,
    default: 7070,
    description: 'TCP port; 0 picks one.',
  }),
  SCION_DATA: Type.Optional(
    Type.String({
      description:
        'Folder that gets a folder objects/; or set S3_BUCKET instead. Losing it loses everything.',
    }),
  ),
  SCION_BASE: Type.String({
    description: 'Folder of a registered base model. Adapters that belong to another base are refused.',
  }),
  SCION_THREADS: Type.Integer({
    minimum: 1,
    maximum: 256,
    default: availableParallelism(),
    description: 'Inference threads; default one per core. Each costs some 4 MB beside the shared weights.',
  }),
  SCION_CACHE_MB: Type.Integer({
    minimum: 1,
    maximum: 1_048_576,
    default: 256,
    description:
      'MiB of adapters kept in memory; some 7 kB for a head, 56 kB with low-rank matrices. Too little means a load from the store per request.',
  }),
  SCION_DISK_CACHE: Type.Optional(
    Type.String({
      description:
        'Folder of its own for copies of adapters on this machine’s disk, where the store is far away. It is emptied at the start. Unset: none.',
    }),
  ),
  SCION_DISK_CACHE_MB: Type.Integer({
    minimum: 1,
    maximum: 16_777_216,
    default: 4_096,
    description: 'MiB of adapters kept in SCION_DISK_CACHE.',
  }),
  SCION_PROVIDER: Type.Enum(['cpu', 'cuda'], {
    default: 'cpu',
    description:
      'What runs the base. Where `cuda` cannot be had the CPU does, with a warning in the log and in /health/ready.',
  }),
  SCION_TRUNK_CACHE_MB: Type.Integer({
    minimum: 0,
    maximum: 1_048_576,
    default: 64,
    description:
      'MiB of what the base’s lower layers made of recent texts, some 50 kB a text; saves their time when a tenant asks of the same text again. 0 keeps nothing.',
  }),
  SCION_MAX_WAIT_MS: Type.Integer({
    minimum: 10,
    maximum: 600_000,
    default: 10_000,
    description:
      'Milliseconds that a prediction may wait for a thread before it is answered 429; where what waits already would take longer, it is so at once.',
  }),
  SCION_MAX_QUEUED_ROWS: Type.Integer({
    // As many as one request may need, for a zero-shot answer of its texts and its task's labels: less would refuse it for ever.
    minimum: limits.predictRowsPerRequest + limits.labelsPerTask,
    maximum: 1_000_000,
    default: 4_096,
    description:
      'Rows waiting for the engine before requests are answered 429; a tenant that has few of them is let in all the same. More means longer waits instead.',
  }),
  SCION_PREDICT_ROWS_PER_MINUTE: Type.Integer({
    minimum: limits.predictRowsPerRequest,
    maximum: 1_000_000_000,
    default: 600_000,
    description:
      'Rows one tenant may predict a minute, over all API processes. Beyond it: 429 quota_predict_rows. A tenant’s own quota goes before.',
  }),
  SCION_EXAMPLES_PER_MODEL: Type.Integer({
    minimum: 2,
    maximum: limits.examplesPerModel,
    default: limits.examplesPerModel,
    description:
      'Examples one user may keep for one task. Beyond it: 403 quota_examples. A tenant’s own quota goes before.',
  }),
  SCION_OPERATOR_KEY: Type.Optional(
    Type.String({
      pattern: '^scion_[A-Za-z0-9_-]{32,}$',
      description:
        'Secret of an operator key to make sure of at the start: `scion_` and 32 letters, digits, - or _. Without it the first start prints one, once.',
    }),
  ),
  SCION_WEBHOOK_ALLOW_PRIVATE: Type.Boolean({
    default: false,
    description:
      'Let webhooks point to private addresses and plain http. Tenants can then probe your network.',
  }),
  SCION_CORS_ORIGINS: Type.Optional(
    Type.String({
      pattern: '^(\\*|https?://[^\\s,/]+( *, *https?://[^\\s,/]+)*)$',
      description:
        'Origins whose pages may call the API with a key, such as `https://app.example.com`, with commas between them, or `*` for all. Whoever sees such a page sees its key: let it hold the scope predict alone. Unset: none.',
    }),
  ),
  SCION_MAX_EVENT_LOOP_DELAY_MS: Type.Integer({
    minimum: 0,
    maximum: 60_000,
    default: 1_000,
    description: 'Milliseconds of event-loop delay beyond which requests are answered 429; 0 never does so.',
  }),
  OTEL_EXPORTER_OTLP_ENDPOINT: Type.Optional(
    Type.String({
      format: 'uri',
      description:
        'URL of an OpenTelemetry collector (OTLP over HTTP) that spans of requests and jobs go to. Unset: nothing is traced.',
    }),
  ),
  SCION_LOG_LEVEL: Type.Enum(['fatal', 'error', 'warn', 'info', 'debug', 'silent'], {
    default: 'info',
    description: 'Lowest level logged. `warn` drops the line for each request.',
  }),
  SCION_DASHBOARD: Type.String({
    default: fileURLToPath(new URL('../../dashboard/dist', import.meta.url)),
    description: 'Folder with the built dashboard, served at / where it exists.',
  }),
  REDIS_URL: Type.String({
    description:
      'A redis:// or rediss:// URL, or the path of a unix socket. Redis holds queues and indexes only.',
  }),
  S3_BUCKET: Type.Optional(
    Type.String({ description: 'Bucket that remembers everything; credentials as the AWS SDK finds them.' }),
  ),
  S3_ENDPOINT: Type.Optional(
    Type.String({ format: 'uri', description: 'URL of an S3 server that is not AWS.' }),
  ),
  S3_REGION: Type.String({ default: 'us-east-1', description: 'Region that requests are signed for.' }),
  S3_PREFIX: Type.Optional(
    Type.String({
      description: 'Put before every key, so that deployments can share a bucket. Never change it.',
    }),
  ),
  S3_FORCE_PATH_STYLE: Type.Boolean({
    default: false,
    description: 'Bucket in the path instead of the host name: most servers that are not AWS need it.',
  }),
});

export interface Config {
  readonly host: string;
  readonly port: number;
  readonly redisUrl: string;
  readonly store: Readonly<StoreSettings>;
  readonly baseDir: string;
  readonly threads: number;
  readonly cacheBytes: number;
  readonly trunkCacheBytes: number;
  readonly diskTier: { readonly folder: string; readonly budgetBytes: number } | undefined;
  readonly provider: Provider;
  readonly maxWaitMs: number;
  readonly maxQueuedRows: number;
  readonly predictRowsPerMinute: number;
  readonly examplesPerModel: number;
  readonly operatorKey: string | undefined;
  readonly allowPrivateWebhooks: boolean;
  readonly corsOrigins: readonly string[];
  readonly maxEventLoopDelayMs: number;
  readonly otlpEndpoint: string | undefined;
  readonly logLevel: string;
  readonly dashboardDir: string;
}

/** Lists every problem with the environment, one a line, never with a value: it may be a secret. */
export class ConfigError extends Error {
  constructor(readonly problems: string[]) {
    super(`the environment does not fit:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
    this.name = 'ConfigError';
  }
}

const environment = Compile(Environment);

/** Reads the environment once. An empty variable counts as unset. Throws ConfigError. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const given = Object.fromEntries(
    Object.keys(Environment.properties).flatMap((name) => (env[name] ? [[name, env[name]]] : [])),
  );
  const value: unknown = Value.Default(Environment, Value.Convert(Environment, given));
  const problems = environment.Errors(value).flatMap(describeProblem);
  if (given.S3_BUCKET === undefined && given.SCION_DATA === undefined) {
    problems.push(describe('SCION_DATA', 'is not set'));
  }
  if (!environment.Check(value) || problems.length > 0) throw new ConfigError(problems);
  return Object.freeze({
    host: value.SCION_HOST,
    port: value.SCION_PORT,
    redisUrl: value.REDIS_URL,
    store: Object.freeze(storeConfig(value)),
    baseDir: value.SCION_BASE,
    threads: value.SCION_THREADS,
    cacheBytes: value.SCION_CACHE_MB * 1024 * 1024,
    diskTier:
      value.SCION_DISK_CACHE === undefined
        ? undefined
        : { folder: value.SCION_DISK_CACHE, budgetBytes: value.SCION_DISK_CACHE_MB * 1024 * 1024 },
    provider: value.SCION_PROVIDER,
    trunkCacheBytes: value.SCION_TRUNK_CACHE_MB * 1024 * 1024,
    maxWaitMs: value.SCION_MAX_WAIT_MS,
    maxQueuedRows: value.SCION_MAX_QUEUED_ROWS,
    predictRowsPerMinute: value.SCION_PREDICT_ROWS_PER_MINUTE,
    examplesPerModel: value.SCION_EXAMPLES_PER_MODEL,
    operatorKey: value.SCION_OPERATOR_KEY,
    allowPrivateWebhooks: value.SCION_WEBHOOK_ALLOW_PRIVATE,
    corsOrigins: Object.freeze(value.SCION_CORS_ORIGINS?.split(/ *, */) ?? []),
    maxEventLoopDelayMs: value.SCION_MAX_EVENT_LOOP_DELAY_MS,
    otlpEndpoint: value.OTEL_EXPORTER_OTLP_ENDPOINT,
    logLevel: value.SCION_LOG_LEVEL,
    dashboardDir: value.SCION_DASHBOARD,
  });
}

type Environment = Static<typeof Environment>;

function storeConfig(env: Environment): StoreSettings {
  if (env.S3_BUCKET === undefined) {
    // Not the data folder itself: Redis, the base and the operator key may stand beside the objects.
    return { kind: 'folder', path: join(env.SCION_DATA ?? '', 'objects') };
  }
  return {
    kind: 's3',
    bucket: env.S3_BUCKET,
    ...(env.S3_ENDPOINT !== undefined && { endpoint: env.S3_ENDPOINT }),
    region: env.S3_REGION,
    prefix: env.S3_PREFIX ?? '',
    forcePathStyle: env.S3_FORCE_PATH_STYLE,
  };
}

function describeProblem(error: TLocalizedValidationError): string[] {
  if (error.keyword === 'required') {
    return error.params.requiredProperties.map((name) => describe(name, 'is not set'));
  }
  return [describe(error.instancePath.slice(1), error.message)];
}

function describe(name: string, what: string): string {
  const field = Environment.properties[name as keyof Environment] as { description?: string };
  return `${name} ${what}: ${field.description}`;
}
