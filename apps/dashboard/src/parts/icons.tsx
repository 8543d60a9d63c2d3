/** Decoration: the text beside each icon says what it means. */

/** A whip-and-tongue graft: the scion, in leaf, joined to the rootstock's cut stem. */
export function GraftMark({ size }: { size: number }) {
  return (
    <svg class="mark" width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
      <g fill="none" stroke-width="3" stroke-linecap="round" stroke-linejoin="round">
        <path class="mark-root" d="M16 31v-8l-3.500-3.500 7-3.500" />
        <path class="mark-scion" d="M19.500 16 16 13.500V9" />
      </g>
      <path class="mark-leaf" d="M16 11c0-5.500 3.500-9 11-9 0 7-4.500 10-11 9Z" />
      <path class="mark-leaf" d="M16 13.500c0-4.500-3-7-9.500-7 0 5.500 4 8 9.500 7Z" />
    </svg>
  );
}

function Line({ d }: { d: string }) {
  return (
    <svg class="icon" width="16" height="16" viewBox="0 0 16 16" aria-hidden="true">
      <path
        d={d}
        fill="none"
        stroke="currentColor"
        stroke-width="1.500"
        stroke-linecap="round"
        stroke-linejoin="round"
      />
    </svg>
  );
}

export const SunIcon = () => (
  <Line d="M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM8 1v1.500M8 13.500V15M1 8h1.500M13.500 8H15M3 3l1.100 1.100M11.900 11.900 13 13M13 3l-1.100 1.100M4.100 11.900 3 13" />
);
export const MoonIcon = () => <Line d="M13.500 9.500A6 6 0 0 1 6.500 2.500a6 6 0 1 0 7 7Z" />;
export const LeaveIcon = () => <Line d="M6 14H3V2h3M10.500 11 13.500 8l-3-3M13.500 8H6" />;
export const CopyIcon = () => <Line d="M6 5.500h7.500V14H6ZM3 10.500V2h7.500" />;
export const CheckIcon = () => <Line d="m3 8.500 3.500 3.500L13 4.500" />;
