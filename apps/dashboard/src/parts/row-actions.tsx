import type { ComponentChildren } from 'preact';

/** The head of a column of buttons: named for those who hear the table, empty to those who see it. */
export function ActionsHead() {
  return (
    <th scope="col">
      <span class="hidden-text">Actions</span>
    </th>
  );
}

interface RowButtonProps {
  /** What it does to which row: seen, the row says that itself. */
  label: string;
  onClick: () => void;
  children: ComponentChildren;
}

/** A small button in a table's row. */
export function RowButton({ label, onClick, children }: RowButtonProps) {
  return (
    <button type="button" class="button button-small" aria-label={label} onClick={onClick}>
      {children}
    </button>
  );
}
