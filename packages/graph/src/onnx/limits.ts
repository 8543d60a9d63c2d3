/** Bounds on files that anyone may hand in, met before memory is spent on them. */
export interface ReadLimits {
  /** The model file. Protobuf itself ends at 2 GiB; larger weights lie in external data. */
  modelBytes: number;
  /**
   * Messages and strings in the file. An empty message is two bytes in the file and some hundred in memory, so size alone
   * does not bound memory. The largest exports (a language model, unrolled) hold some hundred thousand.
   */
  messages: number;
  /** Numbers in typed fields (int64_data, ints …), which take up to 32 bytes each once read; raw_data is not counted. */
  scalars: number;
  /** Messages within messages. A subgraph is three deeper than the graph around it: 60 admits 17 nested loops. */
  depth: number;
  nodes: number;
  /** Dimensions of a tensor; nothing in the wild has more than 8. */
  rank: number;
}

export const defaultLimits: ReadLimits = {
  modelBytes: 2 ** 31,
  messages: 2_000_000,
  scalars: 2 ** 25,
  depth: 60,
  nodes: 200_000,
  rank: 16,
};
