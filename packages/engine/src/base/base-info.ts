import { type Static, Type } from 'typebox';

/** How far a quantised trunk's answers are from those of the float32 trunk, on sample texts. */
const TrunkCheck = Type.Object(
  {
    texts: Type.Integer(),
    /** Between a text's features by one trunk and by the other: the least of all texts, and the mean. */
    featureCosine: Type.Object(
      { least: Type.Number(), mean: Type.Number() },
      { additionalProperties: false },
    ),
    /** Of the hidden states at the cut, length of the difference ÷ length: the largest of all texts, and the mean. */
    hiddenError: Type.Object(
      { largest: Type.Number(), mean: Type.Number() },
      { additionalProperties: false },
    ),
    /** The bounds that it was held to: the least cosine, the largest error. */
    allowed: Type.Object(
      { featureCosine: Type.Number(), hiddenError: Type.Number() },
      { additionalProperties: false },
    ),
  },
  { additionalProperties: false },
);
export type TrunkCheck = Static<typeof TrunkCheck>;

/** What is known of a registered base. */
export const BaseInfo = Type.Object(
  {
    name: Type.String({ minLength: 1 }),
    /** Of weights, configuration, tokenizer, the settings below and the converter: adapters are bound to it. */
    sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
    hiddenSize: Type.Integer({ minimum: 1 }),
    layers: Type.Integer({ minimum: 1 }),
    /**
     * Layers whose mean-pooled outputs, each brought to unit length, are the features of a head. The last layer is the
     * last of them: its part is the sentence embedding.
     */
    featureLayers: Type.Array(Type.Integer({ minimum: 0 }), { minItems: 1 }),
    /** hiddenSize × featureLayers.length */
    featureSize: Type.Integer({ minimum: 1 }),
    /** Upper layers that take adapters: the top. Those below are the trunk, the same for everybody. */
    topLayers: Type.Integer({ minimum: 1 }),
    /** Linear layers of the top that take LoRA adapters, in the graph's order. */
    sites: Type.Array(
      Type.Object(
        {
          name: Type.String(),
          module: Type.String(),
          layer: Type.Integer({ minimum: 0 }),
          target: Type.String(),
          inFeatures: Type.Integer({ minimum: 1 }),
          outFeatures: Type.Integer({ minimum: 1 }),
        },
        { additionalProperties: false },
      ),
    ),
    /** Longer inputs are cut to this many tokens, special tokens included. */
    maxTokens: Type.Integer({ minimum: 2 }),
    /** How far an int8 trunk's answers are from those in float32, found at registration. Absent: the trunk is float32. */
    int8Trunk: Type.Optional(TrunkCheck),
    /** What registration tried, and found good enough. */
    selfCheck: Type.Optional(
      Type.Object(
        {
          /** Directions in which the gradient was held against finite differences, and the worst, 1 being the limit. */
          directions: Type.Integer(),
          worst: Type.Number(),
          /** Of an exported file: the largest difference between its answers and the registered halves', and the limit. */
          halves: Type.Optional(
            Type.Object({ error: Type.Number(), allowed: Type.Number() }, { additionalProperties: false }),
          ),
        },
        { additionalProperties: false },
      ),
    ),
  },
  { additionalProperties: false },
);
export type BaseInfo = Static<typeof BaseInfo>;
