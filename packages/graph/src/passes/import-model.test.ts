import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import t from 'tap';
import { cutPoints, GraphError, importModel, splitModel, writeModel } from '../index.js';

const fixture = (name: string) =>
  readFileSync(new URL(`../../fixtures/exports/${name}.onnx`, import.meta.url));

t.test('damaged exports are imported or refused, never anything else', async (t) => {
  for (const name of ['bert-opset11', 'gpt2-opset17', 'mobilenetv2-opset14', 'dynamo-xlm-roberta-opset18']) {
    const whole = fixture(name);
    const place = fc.nat(whole.length - 1);
    const damage = fc.oneof(
      fc.tuple(place, fc.nat(255)).map(([at, value]) => (bytes: Uint8Array) => {
        bytes[at] = value;
      }),
      fc.tuple(place, place, fc.nat(30)).map(([to, from, length]) => (bytes: Uint8Array) => {
        bytes.copyWithin(to, from, from + length);
      }),
    );
    fc.assert(
      fc.property(fc.array(damage, { minLength: 1, maxLength: 20 }), (damages) => {
        const bytes = Uint8Array.from(whole);
        for (const apply of damages) apply(bytes);
        try {
          const model = importModel(bytes);
          writeModel(model);
          for (const cut of cutPoints(model).slice(0, 2)) splitModel(model, cut);
        } catch (error) {
          if (!(error instanceof GraphError)) throw error;
        }
      }),
      { numRuns: 150 },
    );
  }
  t.pass();
});

t.test('importing leaves weights where they are', async (t) => {
  const bytes = fixture('bert-opset17');
  const { graph } = importModel(bytes);
  const weight = graph.initializers.get('embeddings.word_embeddings.weight');
  t.equal(weight?.data.buffer, bytes.buffer);
});
