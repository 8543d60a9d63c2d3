/**
 * An exponential moving average that does not lag at the start: each value is divided by the weight it has gathered so
 * far (Kingma and Ba 2015, section 3). `weight` is that of the past, 0 for none, below 1; gaps stay gaps.
 */
export function smooth(values: readonly (number | null)[], weight: number): (number | null)[] {
  if (weight <= 0) return [...values];
  let mean = 0;
  let gathered = 0;
  return values.map((value) => {
    if (value === null) return null;
    mean = weight * mean + (1 - weight) * value;
    gathered = weight * gathered + (1 - weight);
    return mean / gathered;
  });
}
