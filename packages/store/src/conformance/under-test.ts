import type { Test } from 'tap';
import type { ObjectStore } from '../object-store.js';

/** A store that holds nothing yet. */
export interface StoreUnderTest {
  store: ObjectStore;
  /** One more instance on the same objects, such as another process would have. */
  another(): Promise<ObjectStore>;
  /** Closes every instance and removes the objects. */
  close(): Promise<void>;
}

export interface StoreConformanceOptions {
  open(): Promise<StoreUnderTest>;
  /** Whether `create` is atomic between instances too, not only within one; default true. */
  atomicBetweenInstances?: boolean;
  /** Runs of the comparison with a Map; default 100. */
  modelRuns?: number;
}

export type Guarantee = (
  name: string,
  check: (t: Test, under: StoreUnderTest) => Promise<void>,
) => Promise<void>;

/** Subtests that each get a fresh store. */
export function guarantees(t: Test, { open }: StoreConformanceOptions): Guarantee {
  return async (name, check) => {
    await t.test(name, async (t) => {
      const under = await open();
      try {
        await check(t, under);
      } finally {
        await under.close();
      }
    });
  };
}

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
export const text = (body: Uint8Array | undefined): string | undefined =>
  body && new TextDecoder().decode(body);

/** Keys that file systems, URLs, XML or careless code trip over. */
export const oddKeys: readonly string[] = [
  'a',
  'a/b',
  'a.b/c',
  'a.b',
  'a-b',
  'A',
  'A/b',
  '.hidden',
  '.hidden/.file',
  '...',
  'ends.',
  'trailing space ',
  ' leading space',
  'plus+percent%20and%2fslash',
  'a%2eb',
  '%',
  '%25',
  '!',
  '!c3!a9',
  'quotes\'"`',
  '<xml>&amp;</xml>',
  'question?mark#hash;semi,comma=equals&and',
  'back\\slash:colon|pipe*star',
  'con',
  'NUL.txt',
  'two..dots/..x/y..',
  'é',
  'e\u0301',
  'Ünïcödé/ключ/鍵/مفتاح',
  '\u{1f600}/\u{1f9ea}.json',
  '\uff5e',
  '\ufffd',
  '\u200b',
  'x'.repeat(79),
  'x'.repeat(80),
  `${'x'.repeat(80)}/y`,
  `${'x'.repeat(80)}!`,
  'x'.repeat(81),
  'y'.repeat(255),
  'y'.repeat(256),
  'z'.repeat(960),
  `${'é'.repeat(150)}/${'.'.repeat(300)}/${'W'.repeat(300)}`,
  `tenants/ten_01/users/${'!f0!9f!98!80'.repeat(64)}/inbox-triage/versions/00000001/card.json`,
];
