import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { ErrorNote } from './notice.js';

interface DialogProps {
  title: string;
  /** What the main button says. */
  submit: string;
  /** What the other button says; default `Close`. */
  leave?: string;
  danger?: boolean | undefined;
  /** The main button waits for something. */
  blocked?: boolean;
  children: ComponentChildren;
  /** Does it, then the dialog closes, unless it resolves to `stay`; a rejection is shown in it. */
  onSubmit(): Promise<unknown>;
  onClose(): void;
}

/** A form over the page. The native dialog keeps the focus in, and gives it back. */
export function Dialog(props: DialogProps) {
  const {
    title,
    submit,
    leave = 'Close',
    danger = false,
    blocked = false,
    children,
    onSubmit,
    onClose,
  } = props;
  const dialog = useRef<HTMLDialogElement>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const id = useId();

  useEffect(() => dialog.current?.showModal(), []);

  const act = async (event: Event) => {
    event.preventDefault();
    if (blocked || busy) return;
    setBusy(true);
    setError(undefined);
    try {
      if ((await onSubmit()) !== 'stay') dialog.current?.close();
    } catch (reason) {
      setError(reason);
    }
    setBusy(false);
  };

  return (
    <dialog ref={dialog} class="dialog" aria-labelledby={id} onClose={onClose}>
      <form class="form" onSubmit={act}>
        <h2 id={id}>{title}</h2>
        {children}
        {error !== undefined && <ErrorNote error={error} />}
        <div class="dialog-actions">
          <button type="button" class="button" onClick={() => dialog.current?.close()}>
            {leave}
          </button>
          <button
            type="submit"
            class={danger ? 'button button-danger' : 'button button-main'}
            disabled={busy || blocked}
          >
            {submit}
          </button>
        </div>
      </form>
    </dialog>
  );
}
