// Labelled texts of the repository's own, where no real ones are at hand or none may be alike.

export const filler =
  'the crew of the evening flight from the northern coast to the capital said that our seats by the window were'.split(
    ' ',
  );
const good = ['smooth', 'friendly', 'on time', 'spotless', 'generous'];
const bad = ['late again', 'rude', 'filthy', 'overbooked', 'lost my bag'];

/**
 * Reviews of flights, some 25 tokens each, no two alike, nor two of different users. One answer in ten is wrong: where a head
 * makes no mistake, adapters are left alone.
 */
export function madeUpReviews(count, user = 0) {
  return Array.from({ length: count }, (_, i) => {
    const turned = filler.map((_, j) => filler[(i * 7 + j * (1 + (i % 5)) + user) % filler.length]);
    const told = (i % 2 === 1) !== (i % 10 === 3);
    const input = `${turned.join(' ')} ${(i % 2 ? bad : good)[i % 5]} ${i} ${user}`;
    return { id: `e${i}`, input, label: told ? 'bad' : 'good' };
  });
}
