import t from 'tap';
import { createOpenTrainings } from './open-trainings.js';
import type { TrainingGraphKey } from './protocol.js';
import type { TrainingSession } from './session-training.js';

function stubs() {
  const open = new Set<string>();
  const opened: string[] = [];
  return {
    open,
    opened,
    trainings: createOpenTrainings(async ({ kind, rank }) => {
      const name = `${kind} ${rank}`;
      if (rank === 13) throw new Error('refused');
      opened.push(name);
      open.add(name);
      return { close: async () => void open.delete(name) } as TrainingSession;
    }),
  };
}
const graph = (rank: number, kind: TrainingGraphKey['kind'] = 'classification') => ({ kind, rank });

t.test('however many graphs are trained, four sessions are open: those that were used last', async (t) => {
  const { open, opened, trainings } = stubs();
  for (let rank = 1; rank <= 12; rank += 1) {
    await trainings.of(graph(rank));
    t.ok(open.size <= 4, `${open.size} after rank ${rank}`);
  }
  await trainings.of(graph(9));
  await trainings.of(graph(1, 'regression'));
  t.strictSame([...open].sort(), [
    'classification 11',
    'classification 12',
    'classification 9',
    'regression 1',
  ]);
  t.equal(opened.length, 13, 'what is open is not opened again');
  await trainings.close();
  t.equal(open.size, 0);
});

t.test('a graph that could not be opened is tried again, and keeps nothing from closing', async (t) => {
  const { open, trainings } = stubs();
  await t.rejects(trainings.of(graph(13)), { message: 'refused' });
  await t.rejects(trainings.of(graph(13)), { message: 'refused' });
  await trainings.of(graph(1));
  await trainings.close();
  t.equal(open.size, 0);
});
