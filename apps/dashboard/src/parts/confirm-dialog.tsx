import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { Dialog } from './dialog.js';

interface ConfirmProps {
  title: string;
  confirm: string;
  /** What cannot be undone looks like it. */
  danger?: boolean;
  /** A text that has to be typed before it can be confirmed. */
  typed?: { what: string; text: string };
  children: ComponentChildren;
  /** Does it; a rejection is shown in the dialog, which stays open. */
  onConfirm(): Promise<void>;
  onClose(): void;
}

/** Asks before something that others will notice. */
export function ConfirmDialog({ title, confirm, danger, typed, children, onConfirm, onClose }: ConfirmProps) {
  const [text, setText] = useState('');
  return (
    <Dialog
      title={title}
      submit={confirm}
      leave="Keep as it is"
      danger={danger}
      blocked={typed !== undefined && text !== typed.text}
      onSubmit={onConfirm}
      onClose={onClose}
    >
      {children}
      {typed && (
        <label class="form-field">
          <span>
            Type the {typed.what} <code>{typed.text}</code> to confirm
          </span>
          <input
            value={text}
            autocomplete="off"
            spellcheck={false}
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </label>
      )}
    </Dialog>
  );
}
