/**
 * Headlines written for the demo. Two readers see the same ones and judge them oppositely: what the gardener likes the
 * engineer dislikes. Nothing in a headline says which is right, so one global model cannot please both.
 */
export const gardenHeadlines = [
  'How to graft an apple scion onto old rootstock',
  'Ten shade plants that forgive a forgetful gardener',
  'Why your tomatoes split after the rain, and what to do',
  'A beginner’s guide to composting on a small balcony',
  'Spring bulbs to plant before the first frost',
  'Saving seeds from heirloom beans for next year',
  'The quiet return of hedgehogs to suburban gardens',
  'Pruning roses without fear',
  'A meadow instead of a lawn: one family’s first year',
  'Slugs in the lettuce? Try these gentle remedies',
  'Which herbs grow well together in one pot',
  'Rainwater barrels that pay for themselves',
  'The oldest pear tree in the county blooms again',
  'How bees choose the flowers they visit',
  'Repotting a fern that has outgrown its corner',
  'What to sow in the greenhouse in February',
  'Mulching with autumn leaves: a simple plan',
  'Wild strawberries that thrive under trees',
  'A weekend project: raised beds from old planks',
  'When to harvest garlic, and how to braid it',
] as const;

export const engineeringHeadlines = [
  'A new compiler pass halves the cold start of serverless code',
  'Chip maker unveils a three-nanometre processor for laptops',
  'Inside the outage: how one config push took down a cloud',
  'Open-source database adds streaming replication',
  'Why our team moved from microservices back to one binary',
  'Rust lands in another corner of the operating system kernel',
  'Benchmarking vector search on commodity servers',
  'The browser engine that renders pages on the GPU',
  'A flaw in a popular encryption library, explained',
  'Queue or log? Choosing a message broker in practice',
  'Robotics start-up shows a warehouse arm with no cameras',
  'How a startup cut its cloud bill by ninety percent',
  'Quantum computer runs a thousand error-corrected steps',
  'The programming language survey results are in',
  'Debugging a memory leak that appeared once a week',
  'Static types for a dynamic language: ten years on',
  'Solid-state drives get faster, and hotter',
  'What we learned from a million lines of TypeScript',
  'A protocol for syncing offline apps without conflicts',
  'Neural network squeezed into a microcontroller',
] as const;

/** Headlines neither reader ever labelled: what the demo predicts before and after training. */
export const unseenHeadlines = [
  'Grow your own salad on a windowsill all winter',
  'Kernel developers debate a new scheduler',
  'Old orchard saved by volunteers with pruning saws',
  'New graphics card doubles training speed',
] as const;

export const readers = [
  { user: 'gardener@example.com', likes: gardenHeadlines, dislikes: engineeringHeadlines },
  { user: 'engineer@example.com', likes: engineeringHeadlines, dislikes: gardenHeadlines },
] as const;
