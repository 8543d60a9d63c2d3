import { GraphError } from '../error.js';

/** A Hugging Face config.json, parsed. */
export type ModelConfig = Readonly<Record<string, unknown>>;

/** No published encoder comes near; a config.json that does is a mistake or an attack on memory. */
const MAX_SIZE = 1 << 20;

/** A required whole number from 1 to 2^20. */
export function sizeOf(config: ModelConfig, field: string): number {
  const value = config[field];
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > MAX_SIZE) {
    throw new GraphError('bad_config', `config.json: ${field} must be a whole number from 1 to ${MAX_SIZE}`);
  }
  return value;
}

/** An optional number, e.g. an epsilon. */
export function numberOf(config: ModelConfig, field: string, fallback: number): number {
  const value = config[field] ?? fallback;
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) {
    throw new GraphError('bad_config', `config.json: ${field} must be a number, zero or more`);
  }
  return value;
}

export type Activation = 'gelu' | 'gelu_tanh' | 'relu';

const activations: Record<string, Activation> = {
  gelu: 'gelu',
  gelu_new: 'gelu_tanh',
  gelu_pytorch_tanh: 'gelu_tanh',
  relu: 'relu',
};

/** transformers' name of an activation (activations.py, ACT2FN) as one of ours. */
export function activationOf(config: ModelConfig, field: string): Activation {
  const name = config[field] ?? 'gelu';
  const activation =
    typeof name === 'string' && Object.hasOwn(activations, name) ? activations[name] : undefined;
  if (!activation) {
    throw new GraphError(
      'bad_config',
      `config.json: ${field} must be one of ${Object.keys(activations).join(', ')}`,
    );
  }
  return activation;
}

/** Errors `bad_config` for BERT variants with relative positions, which no published sentence encoder uses. */
export function requireAbsolutePositions(config: ModelConfig): void {
  if ((config.position_embedding_type ?? 'absolute') !== 'absolute') {
    throw new GraphError('bad_config', 'config.json: position_embedding_type must be absolute');
  }
}
