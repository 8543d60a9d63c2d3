import type { Model } from '../ir.js';
import { type ReadOptions, readModel } from '../onnx/read-model.js';
import { foldConstants } from './fold-constants.js';
import { fuseGelu } from './fuse-gelu.js';
import { fuseLayerNorm } from './fuse-layer-norm.js';
import { normaliseOpset } from './normalise-opset.js';
import { removeDead } from './remove-dead.js';
import { widenHalf } from './widen-half.js';

/**
 * Reads an ONNX file of opset 11 to 21 into the form everything else here works on: opset 20, float32 where it
 * was half precision, no Constant, Identity or Dropout nodes, constants folded, layer normalisations and GELUs whole, nothing that no
 * output needs.
 */
export function importModel(bytes: Uint8Array, options: ReadOptions = {}): Model {
  return simplify(widenHalf(normaliseOpset(readModel(bytes, options))));
}

/** The passes that make any model of opset 20 smaller and leave what it computes as it was, to rounding. */
export function simplify(model: Model): Model {
  return removeDead(fuseGelu(fuseLayerNorm(foldConstants(model))));
}
