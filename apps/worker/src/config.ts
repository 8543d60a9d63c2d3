import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { StoreSettings } from '@scion/store';
import { Type } from 'typebox';
import { Value } from 'typebox/value';

const Flag = Type.Boolean({ default: false });

/** The environment, as text. Numbers and flags are converted; every other variable is left alone. */
const Environment = Type.Object({
  REDIS_URL: Type.String({ minLength: 1 }),
  SCION_DATA: Type.Optional(Type.String({ minLength: 1 })),
  S3_BUCKET: Type.Optional(Type.String({ minLength: 1 })),
  S3_ENDPOINT: Type.Optional(Type.String({ pattern: '^https?://' })),
  S3_REGION: Type.String({ default: 'us-east-1', minLength: 1 }),
  S3_PREFIX: Type.String({ default: '' }),
  S3_FORCE_PATH_STYLE: Flag,
  SCION_BASE: Type.String({ minLength: 1 }),
  SCION_THREADS: Type.Optional(Type.Integer({ minimum: 1, maximum: 256 })),
  SCION_TRAIN_CONCURRENCY: Type.Optional(Type.Integer({ minimum: 1, maximum: 64 })),
  SCION_DELIVERY_CONCURRENCY: Type.Integer({ minimum: 1, maximum: 256, default: 16 }),
  SCION_GRACE_SECONDS: Type.Number({ minimum: 0, maximum: 3_600, default: 15 }),
  SCION_LOCK_SECONDS: Type.Number({ minimum: 1, maximum: 3_600, default: 30 }),
  SCION_WORKER_NICE: Type.Integer({ minimum: 0, maximum: 19, default: 0 }),
  SCION_WEBHOOK_ALLOW_PRIVATE: Flag,
  SCION_WEBHOOK_TIMEOUT_SECONDS: Type.Number({ exclusiveMinimum: 0, maximum: 50, default: 10 }),
  OTEL_EXPORTER_OTLP_ENDPOINT: Type.Optional(Type.String({ pattern: '^https?://' })),
  SCION_LOG_LEVEL: Type.Enum(['fatal', 'error', 'warn', 'info', 'debug', 'silent'], { default: 'info' }),
});

/** What a wrong or missing variable should hold. */
const remedies: Record<string, string> = {
  REDIS_URL: 'a redis:// or rediss:// URL, or the path of a unix socket',
  SCION_DATA: 'a folder, which gets a folder objects/; or set S3_BUCKET instead',
  S3_ENDPOINT: 'an http(s) URL; unset for AWS',
  OTEL_EXPORTER_OTLP_ENDPOINT: 'an http(s) URL of an OpenTelemetry collector; unset traces nothing',
  SCION_BASE: 'the folder of a registered base model',
};

export interface Config {
  /** A URL or the path of a unix socket. */
  redisUrl: string;
  objects: StoreSettings;
  /** Folder of the registered base that every job trains on. */
  basePath: string;
  /** Inference threads, one session each. Default: one per processor. */
  threads: number;
  /** Jobs at once. Default: half the threads, since one job's embedding already keeps several busy. */
  trainConcurrency: number;
  /** Webhook posts at once. */
  deliveryConcurrency: number;
  /** How long a running job may go on after SIGTERM before it is handed back to the queue. */
  graceMs: number;
  /** A worker's jobs are another's once it has not been heard of for so long. */
  lockMs: number;
  /** Added to the process's priority number: at 5, training yields to predictions on the same machine. */
  nice: number;
  webhooks: {
    /** Whether webhooks may point to private addresses and to plain http. */
    allowPrivateAddresses: boolean;
    /** For one attempt in all. */
    timeoutMs: number;
  };
  /** Where spans of jobs go; undefined traces nothing. */
  otlpEndpoint: string | undefined;
  logLevel: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'silent';
}

/** Names every problem of the environment, one a line; never a value, which may be a secret. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  constructor(readonly problems: string[]) {
    super(`the worker's environment is not valid:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
  }
}

/** Reads the environment once. A variable set to the empty text counts as unset. Throws ConfigError. */
export function readConfig(environment: Record<string, string | undefined>): Config {
  const given = Object.fromEntries(
    Object.keys(Environment.properties)
      .map((name) => [name, environment[name]] as const)
      .filter(([, value]) => value !== undefined && value !== ''),
  );
  const env = Value.Default(Environment, Value.Convert(Environment, given));
  const problems = listProblems(env);
  if (!Value.Check(Environment, env) || problems.length > 0) throw new ConfigError(problems);

  const threads = env.SCION_THREADS ?? availableParallelism();
  return Object.freeze<Config>({
    redisUrl: env.REDIS_URL,
    objects:
      env.S3_BUCKET === undefined
        ? { kind: 'folder', path: join(env.SCION_DATA ?? '', 'objects') }
        : {
            kind: 's3',
            bucket: env.S3_BUCKET,
            ...(env.S3_ENDPOINT !== undefined && { endpoint: env.S3_ENDPOINT }),
            region: env.S3_REGION,
            prefix: env.S3_PREFIX,
            forcePathStyle: env.S3_FORCE_PATH_STYLE,
          },
    basePath: env.SCION_BASE,
    threads,
    trainConcurrency: env.SCION_TRAIN_CONCURRENCY ?? Math.ceil(threads / 2),
    deliveryConcurrency: env.SCION_DELIVERY_CONCURRENCY,
    graceMs: env.SCION_GRACE_SECONDS * 1_000,
    lockMs: env.SCION_LOCK_SECONDS * 1_000,
    nice: env.SCION_WORKER_NICE,
    webhooks: {
      allowPrivateAddresses: env.SCION_WEBHOOK_ALLOW_PRIVATE,
      timeoutMs: env.SCION_WEBHOOK_TIMEOUT_SECONDS * 1_000,
    },
    otlpEndpoint: env.OTEL_EXPORTER_OTLP_ENDPOINT,
    logLevel: env.SCION_LOG_LEVEL,
  });
}

function listProblems(env: unknown): string[] {
  const problems = new Map<string, string>();
  const add = (name: string, what: string): void => {
    if (!problems.has(name)) problems.set(name, [`${name} ${what}`, remedies[name] ?? []].flat().join(': '));
  };
  for (const error of Value.Errors(Environment, env)) {
    if (error.keyword === 'required') {
      for (const name of error.params.requiredProperties) add(name, 'is not set');
    } else add(error.instancePath.slice(1), error.message);
  }
  const { S3_BUCKET, SCION_DATA } = env as { S3_BUCKET?: string; SCION_DATA?: string };
  if (S3_BUCKET === undefined && SCION_DATA === undefined) add('SCION_DATA', 'is not set');
  return [...problems.values()];
}
