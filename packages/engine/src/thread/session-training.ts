import { closeSync, openSync, readSync } from 'node:fs';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  type ExternalPlace,
  type Feeds,
  type Model,
  type OpenSession,
  type ParameterLayout,
  readModel,
  registerTraining,
  takeOutProducts,
  writeModel,
} from '@scion/graph';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { createRandom } from '../head/random.js';
import { trainingOptions } from '../lora/training-base.js';
import type { TrainingGraphKey } from './protocol.js';
import { oneThread } from './session-options.js';
import { createProjections, type Projection } from './session-projections.js';
import { createSteps, type StepSession } from './session-steps.js';

export interface TrainingSetup {
  /** What `trainingBase` made of the base; its weights lie beside it, and so will the graphs derived from it. */
  trainingPath: string;
  hiddenSize: number;
  sites: { name: string }[];
}

/** The training step of a base as a function. */
export interface TrainingSession extends StepSession {
  layout: ParameterLayout;
  selfCheck: SelfCheck;
}

/** How the derived gradient compares with finite differences on the model itself. */
export interface SelfCheck {
  /** Directions that were tried: two for each tensor of parameters. */
  directions: number;
  /** The worst difference of a slope, in parts of what is allowed; beyond 1 the base is refused. */
  worst: number;
}

/** Raised whenever other numbers would come of the same inputs, or less would be known of them: in the files' names. */
const DERIVATION = 5;

interface Derived {
  layout: ParameterLayout;
  selfCheck: SelfCheck;
  projections: Projection[];
}

/**
 * Opens the training step of a base. The first time it is derived, checked against finite differences on the model itself
 * and written beside the base, where the next process finds it; where that folder cannot be written it is kept in memory.
 * @throws GraphError where the base has no gradient
 */
export async function openTraining(setup: TrainingSetup, shape: TrainingGraphKey): Promise<TrainingSession> {
  const stem = `training-${DERIVATION}-${shape.kind}-r${shape.rank}`;
  const folder = dirname(setup.trainingPath);
  const files = { step: `${stem}.onnx`, projections: `${stem}-projections.onnx`, derived: `${stem}.json` };
  const pathOf = (file: keyof typeof files) => join(folder, files[file]);
  const known = await readFile(pathOf('derived'), 'utf8').then(
    (json) => JSON.parse(json) as Derived,
    () => undefined,
  );
  // What a power cut left of them cannot be opened, and is derived again.
  const opened =
    known && (await open(pathOf('step'), pathOf('projections'), known, setup).catch(() => undefined));
  if (opened) return opened;

  const { model, placed } = await readPlaced(setup.trainingPath);
  const { training, report } = await registerTraining(
    model,
    trainingOptions(shape.kind, setup.sites, shape.rank),
    {
      open: openForProbing,
      random: createRandom(1),
    },
  );
  const { model: step, products, widths } = takeOutProducts(training.step, 'hidden');
  const derived: Derived = {
    layout: training.layout,
    selfCheck: {
      directions: report.checks.length,
      worst: Math.max(...report.checks.map(({ excess }) => excess)),
    },
    projections: widths,
  };
  const written = await writeBeside(folder, {
    [files.step]: writeModel(step, { existing: placed }).model,
    [files.projections]: writeModel(products, { existing: placed }).model,
    // Last, since it says that the others are whole.
    [files.derived]: Buffer.from(JSON.stringify(derived)),
  });
  return written
    ? open(pathOf('step'), pathOf('projections'), derived, setup)
    : open(writeModel(step).model, writeModel(products).model, derived, setup);
}

/** @param step a file, as `projections`, or its bytes */
async function open(
  step: string | Uint8Array,
  projections: string | Uint8Array,
  { layout, selfCheck, projections: widths }: Derived,
  { hiddenSize }: TrainingSetup,
): Promise<TrainingSession> {
  // Of the two ways to create a session the types know no union.
  const create = (model: string | Uint8Array) => InferenceSession.create(model as string, oneThread);
  // A base may begin with something else than products of its hidden states.
  const before = widths.length > 0 ? await create(projections) : undefined;
  const session = await create(step);
  return {
    ...{ layout, selfCheck },
    ...createSteps(session, createProjections(before, widths, hiddenSize), { layout, hiddenSize }),
  };
}

/** The model and where its weights lie, read weight by weight: the file holds those of the trunk too. */
export async function readPlaced(
  path: string,
): Promise<{ model: Model; placed: Map<Uint8Array, ExternalPlace> }> {
  const placed = new Map<Uint8Array, ExternalPlace>();
  const open = new Map<string, number>();
  try {
    const model = readModel(await readFile(path), {
      external(location, offset, length) {
        const file = open.get(location) ?? openSync(join(dirname(path), location), 'r');
        open.set(location, file);
        const bytes = new Uint8Array(length);
        readSync(file, bytes, 0, length, offset);
        placed.set(bytes, { location, offset });
        return bytes;
      },
    });
    return { model, placed };
  } finally {
    for (const file of open.values()) closeSync(file);
  }
}

/** Whether the files could be written, each whole or not at all, in their order. */
async function writeBeside(folder: string, files: Record<string, Uint8Array>): Promise<boolean> {
  let temporary: string | undefined;
  try {
    temporary = await mkdtemp(join(folder, '.training-'));
    for (const [name, bytes] of Object.entries(files)) {
      await writeFile(join(temporary, name), bytes);
      await rename(join(temporary, name), join(folder, name));
    }
    return true;
  } catch (error) {
    if (['EACCES', 'EROFS', 'EPERM', 'ENOSPC'].includes((error as NodeJS.ErrnoException).code ?? ''))
      return false;
    throw error;
  } finally {
    if (temporary !== undefined) await rm(temporary, { recursive: true, force: true });
  }
}

const arrays = { float32: Float32Array, int64: BigInt64Array, bool: Uint8Array };

/** A session that runs once or twice: preparing weights for speed would cost more than it saves. */
export const openForProbing: OpenSession = async (model) => {
  const session = await InferenceSession.create(writeModel(model).model, {
    ...oneThread,
    graphOptimizationLevel: 'basic',
    extra: { session: { disable_prepacking: '1' } },
  });
  return {
    async run(feeds: Feeds) {
      const given = Object.entries(feeds).map(([name, { type, dims, data }]) => {
        const bytes = data.slice().buffer;
        return [name, new Tensor(type as 'float32', new arrays[type as 'float32'](bytes), dims)] as const;
      });
      const answers = await session.run(Object.fromEntries(given));
      return Object.fromEntries(
        Object.entries(answers).map(([name, { type, dims, data }]) => {
          const { buffer, byteOffset, byteLength } = data as Float32Array;
          return [
            name,
            {
              type: type as 'float32',
              dims: [...dims],
              data: new Uint8Array(buffer, byteOffset, byteLength),
            },
          ];
        }),
      );
    },
    close: () => session.release(),
  };
};
