/** Every way in which this package refuses. A caller switches on the code; the message names the place and the remedy. */
export type GraphErrorCode =
  /** The bytes are not an ONNX model. */
  | 'malformed'
  /** A stated bound on size, count or depth is passed. */
  | 'too_large'
  | 'unsupported_opset'
  | 'unknown_operator'
  /** Standard ONNX, but nothing Scion works with (sequences, sparse tensors, training info …). */
  | 'unsupported'
  | 'bad_attribute'
  /** Too many or too few inputs or outputs. */
  | 'bad_arity'
  | 'bad_tensor'
  /** External data: a path that leaves the model's folder, or bytes that are not there. */
  | 'bad_external_data'
  /** A value that nothing produces. */
  | 'dangling_name'
  /** A value or node name that is used twice. */
  | 'duplicate_name'
  | 'cycle'
  /** A cut that names no value, or does not separate the graph. */
  | 'bad_cut'
  /** A model folder's config.json asks for something that is not built. */
  | 'bad_config'
  | 'missing_weight'
  /** A weight whose shape or type is not the one the configuration asks for. */
  | 'bad_weight'
  /** An operator on the path from parameters to loss has no gradient rule, or not for these attributes. */
  | 'no_gradient'
  /** An injection asks for something that the graph does not hold, or a graph is not laid out as it needs. */
  | 'bad_injection'
  /** Finite differences contradict the derived gradient. */
  | 'self_check_failed';

/** Messages quote names from files; a hostile file's name may be megabytes long. */
const MESSAGE_CHARACTERS = 1000;

/** The one error of this package. */
export class GraphError extends Error {
  readonly code: GraphErrorCode;

  constructor(code: GraphErrorCode, message: string, options?: ErrorOptions) {
    super(message.slice(0, MESSAGE_CHARACTERS), options);
    this.name = 'GraphError';
    this.code = code;
  }
}
