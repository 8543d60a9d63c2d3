/** The shape of a series in a few pixels; the figure beside it says how much. */
export function Sparkline({ values, top }: { values: readonly (number | null)[]; top?: number }) {
  const known = values.filter((value): value is number => value !== null);
  if (known.length < 2) return <svg class="spark" viewBox="0 0 100 24" aria-hidden="true" />;
  const max = top ?? Math.max(...known, 1e-9);
  const step = 100 / (values.length - 1);
  let pen = 'M';
  let path = '';
  values.forEach((value, at) => {
    if (value === null) {
      pen = 'M';
      return;
    }
    path += `${pen}${(at * step).toFixed(1)} ${(22 - (value / max) * 20).toFixed(1)}`;
    pen = 'L';
  });
  return (
    <svg class="spark" viewBox="0 0 100 24" preserveAspectRatio="none" aria-hidden="true">
      <path d={path} vector-effect="non-scaling-stroke" />
    </svg>
  );
}
