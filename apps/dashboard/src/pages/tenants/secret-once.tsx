import type { ComponentChildren } from 'preact';
import { Copyable } from '../../parts/copyable.js';
import { Dialog } from '../../parts/dialog.js';

interface SecretOnceProps {
  title: string;
  secret: string;
  children: ComponentChildren;
  onClose(): void;
}

/** Something that no later answer shows again. */
export function SecretOnce({ title, secret, children, onClose }: SecretOnceProps) {
  return (
    <Dialog title={title} submit="I have kept it" onSubmit={async () => {}} onClose={onClose}>
      {children}
      <div class="command">
        <pre>{secret}</pre>
        <Copyable value={secret} shown="Copy" what="the secret" />
      </div>
    </Dialog>
  );
}
