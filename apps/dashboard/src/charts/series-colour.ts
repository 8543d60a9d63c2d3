/** Colours defined in tokens.css; more curves than these share them in turn. */
const colourCount = 7;

/** The CSS colour of the curve at this place. */
export function seriesColour(at: number): string {
  return `var(--series-${(at % colourCount) + 1})`;
}
