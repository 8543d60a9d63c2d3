interface BarProps {
  /** 0 to 1. */
  share: number;
  /** Said aloud in its place, where no number stands beside it. */
  spoken?: string;
  tone?: 'leaf' | 'root' | 'quiet';
}

/** A filled bar: progress, a probability, the cache's fill. */
export function Bar({ share, spoken, tone = 'leaf' }: BarProps) {
  const width = `${Math.min(1, Math.max(0, share)) * 100}%`;
  return (
    <div class={`bar bar-${tone}`} title={spoken}>
      <span class="bar-fill" style={{ width }} aria-hidden="true" />
      {spoken && <span class="hidden-text">{spoken}</span>}
    </div>
  );
}
