import type { Model } from '@scion/sdk';
import { ConfirmDialog } from '../../parts/confirm-dialog.js';
import type { Scope } from '../../scope.js';

interface MakeLiveProps {
  version: number;
  model: Model;
  scope: Scope;
  onDone(): void;
  onClose(): void;
}

/** Switches `live` by hand: back to what was live before, or to any other version whatever the gate said. */
export function MakeLive({ version, model, scope, onDone, onClose }: MakeLiveProps) {
  const { task, user, live, history } = model;
  const wasLive = history.some((entry) => entry.version === version);
  return (
    <ConfirmDialog
      title={`Make version ${version} live?`}
      confirm={`Make v${version} live`}
      onConfirm={async () => {
        const { rollback, promote } = scope.client.models;
        await (wasLive ? rollback : promote)(task, user, version);
        onDone();
      }}
      onClose={onClose}
    >
      <p>
        Predictions for {user} switch to it at once and without a gap.
        {live && ` Version ${live.version} is kept and can be made live again.`}
      </p>
      {!wasLive && <p>The gate kept it back; you decide otherwise.</p>}
    </ConfirmDialog>
  );
}
