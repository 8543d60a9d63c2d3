/**
 * The recipe of a low-rank adapter, found on labelled sets (docs/adr/0005-the-training-recipe.md says how): AdamW over
 * a few epochs, both rates warmed up and then lowered along a cosine.
 */
export interface LoraSettings {
  rank: number;
  /** An adapter's change is multiplied by alpha / rank. */
  alpha: number;
  /** Times that each row is trained on, unless early stopping says less. */
  epochs: number;
  /** Rows of one step. */
  batchRows: number;
  /** Largest learning rates of the adapters and of the head. */
  adapterRate: number;
  headRate: number;
  weightDecay: number;
  /** Share of the steps in which the rates rise. */
  warmup: number;
  labelSmoothing: number;
  /** A user's gradient is shortened to this length. */
  clipNorm: number;
  /**
   * The head that adapters are trained under starts as a logistic regression of this penalty. A soft one: a head that fits the
   * training rows perfectly leaves the adapters no error to learn from, and they end below the bare head. What is served
   * over them is the bare head at its own penalty, moved by what training changed in the soft one.
   */
  startL2: number;
  /** Parts that each row is held out in once. */
  folds: number;
}

export const LORA_SETTINGS: Readonly<LoraSettings> = Object.freeze({
  rank: 8,
  alpha: 16,
  epochs: 5,
  batchRows: 8,
  adapterRate: 2e-3,
  headRate: 3e-4,
  weightDecay: 0.01,
  warmup: 0.1,
  labelSmoothing: 0,
  clipNorm: 1,
  startL2: 1,
  folds: 2,
});

/**
 * The recipe of a training that goes on from an earlier one: three epochs at half the rate where from scratch it is five, and rows
 * that are new count twice. docs/adr/0005-the-training-recipe.md has the figures.
 */
export function continuedSettings(settings: LoraSettings): LoraSettings {
  return { ...settings, epochs: Math.ceil(0.6 * settings.epochs), adapterRate: settings.adapterRate / 2 };
}
export const NEW_ROW_WEIGHT = 2;

/**
 * Rows × tokens that one fit trains on at most: bounds its memory (1.5 kB a token of MiniLM) and its time. Of more, the newest
 * of each label are taken, in proportion to the labels; the head is trained on all.
 */
export const MAX_TRAINING_TOKENS = 131_072;
/** With fewer rows a fold says nothing, and the head is all there is to learn. */
export const MIN_LORA_ROWS = 24;

/** The share of the full learning rate at a step, counted from 1, of `total`. */
export function rateAt(step: number, total: number, warmup: number): number {
  const rising = Math.ceil(total * warmup);
  if (step <= rising) return step / rising;
  return 0.5 * (1 + Math.cos((Math.PI * (step - rising)) / Math.max(1, total - rising)));
}
