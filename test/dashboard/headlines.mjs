// Headlines that two readers label oppositely.
export const garden = [
  'How to graft an apple tree in March',
  'The quiet return of the kitchen garden',
  'Ten roses that forgive a careless gardener',
  'Pruning grapevines after the last frost',
  'Why your tomatoes split, and what helps',
  'A meadow instead of a lawn: one year on',
  'Old pear varieties worth planting again',
  'Compost without smell: a beginner’s guide',
  'Which hedge grows fastest in heavy clay',
  'Bulbs to plant now for colour in April',
];
export const football = [
  'Late penalty decides the derby',
  'Striker signs a new contract until 2031',
  'Goalkeeper out for six weeks with a torn muscle',
  'Cup final ends in a goalless draw',
  'Coach sacked after the fifth defeat in a row',
  'Midfielder moves to the league leaders on loan',
  'Referee apologises for the offside decision',
  'Promotion sealed with a header in stoppage time',
  'Defender banned for three matches',
  'Stadium sold out for the return leg',
];

/** Ten examples of each label, for someone who likes the first and not the second. */
export function examplesOf(liked, disliked) {
  return [
    ...liked.map((input) => ({ input, label: 'keep' })),
    ...disliked.map((input) => ({ input, label: 'skip' })),
  ];
}
