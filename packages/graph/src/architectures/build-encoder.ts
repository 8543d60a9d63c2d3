import { GraphError } from '../error.js';
import { buildBert } from './bert.js';
import { buildDistilbert } from './distilbert.js';
import type { BuiltEncoder, EncoderSource } from './encoder.js';
import { buildMpnet } from './mpnet.js';
import { buildRoberta } from './roberta.js';

/** By config.json's `model_type`. */
const families: Record<string, (source: EncoderSource) => BuiltEncoder> = {
  bert: buildBert,
  roberta: buildRoberta,
  'xlm-roberta': buildRoberta,
  camembert: buildRoberta,
  distilbert: buildDistilbert,
  mpnet: buildMpnet,
};

/** Builds whichever encoder the folder holds. Errors: `bad_config`, `missing_weight`, `bad_weight`. */
export function buildEncoder(source: EncoderSource): BuiltEncoder {
  const type = source.config.model_type;
  const build = typeof type === 'string' && Object.hasOwn(families, type) ? families[type] : undefined;
  if (!build) {
    const known = Object.keys(families).join(', ');
    throw new GraphError(
      'bad_config',
      `config.json: model_type ${JSON.stringify(type)} is not built here (${known}); export the model to ONNX instead`,
    );
  }
  return build(source);
}
