import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { ErrorNote } from './notice.js';

interface ConfirmProps {
  title: string;
  confirm: string;
  children: ComponentChildren;
  /** Does it; a rejection is shown in the dialog, which stays open. */
  onConfirm(): Promise<void>;
  onClose(): void;
}

/** Asks before something that others will notice. The native dialog keeps the focus in, and gives it back. */
export function ConfirmDialog({ title, confirm, children, onConfirm, onClose }: ConfirmProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();

  useEffect(() => dialog.current?.showModal(), []);

  const act = async () => {
    setBusy(true);
    setError(undefined);
    try {
      await onConfirm();
      dialog.current?.close();
    } catch (reason) {
      setError(reason);
      setBusy(false);
    }
  };

  return (
    <dialog ref={dialog} class="dialog" aria-labelledby="dialog-title" onClose={onClose}>
      <h3 id="dialog-title">{title}</h3>
      {children}
      {error !== undefined && <ErrorNote error={error} />}
      <div class="dialog-actions">
        <button type="button" class="button" onClick={() => dialog.current?.close()}>
          Keep as it is
        </button>
        <button type="button" class="button button-main" onClick={act} disabled={busy}>
          {confirm}
        </button>
      </div>
    </dialog>
  );
}
