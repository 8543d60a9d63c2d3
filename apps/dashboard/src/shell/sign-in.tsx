import { isScionError } from '@scion/sdk';
import { useState } from 'preact/hooks';
import { GraftMark } from '../parts/icons.js';
import { describeError } from '../parts/notice.js';
import { signedOutBecause, signIn } from '../session.js';

/** Exchanges a key for a session. */
export function SignIn() {
  const [key, setKey] = useState('');
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);

  const submit = async (event: Event) => {
    event.preventDefault();
    const candidate = key.trim();
    if (candidate === '') {
      setProblem('Enter a key.');
      return;
    }
    setBusy(true);
    setProblem(null);
    try {
      await signIn(candidate);
    } catch (error) {
      setProblem(explain(error));
      setBusy(false);
    }
  };

  const message =
    problem ??
    (signedOutBecause.value === 'session ended'
      ? 'Your session has ended. Sign in again to go on where you were.'
      : null);

  return (
    <main class="sign-in">
      <form class="sign-in-card" onSubmit={submit}>
        <GraftMark size={48} />
        <h1>Scion</h1>
        <p class="lede">A small model for every user, grafted onto one shared base.</p>
        <label for="key">Admin key</label>
        <input
          id="key"
          type="password"
          autocomplete="current-password"
          spellcheck={false}
          placeholder="scion_…"
          value={key}
          onInput={(event) => setKey(event.currentTarget.value)}
          aria-invalid={message !== null}
          aria-describedby={message ? 'key-problem key-hint' : 'key-hint'}
          autofocus
        />
        {message && (
          <p id="key-problem" class="field-problem" role="alert">
            {message}
          </p>
        )}
        <button type="submit" class="button button-main" disabled={busy}>
          {busy ? 'Signing in…' : 'Sign in'}
        </button>
        <p id="key-hint" class="quiet">
          <code>npm start</code> prints the operator’s key, which sees every tenant. A tenant’s own key sees
          that tenant. The key is exchanged for a cookie that no script can read, for twelve hours.
        </p>
      </form>
    </main>
  );
}

function explain(error: unknown): string {
  if (isScionError(error, 'unauthenticated')) return 'The service does not know this key, or it has expired.';
  const { title, detail } = describeError(error);
  return `${title}. ${detail}`;
}
