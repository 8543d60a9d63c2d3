import { isScionError } from '@scion/sdk';
import { useState } from 'preact/hooks';
import { GraftMark } from './parts/icons.js';
import { describeError } from './parts/notice.js';
import { signedOutBecause, signIn } from './session.js';

/** Asks for the operator key. */
export function SignIn() {
  const [key, setKey] = useState('');
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);

  const submit = async (event: Event) => {
    event.preventDefault();
    const candidate = key.trim();
    if (candidate === '') {
      setProblem('Enter the operator key.');
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
    (signedOutBecause.value === 'key refused'
      ? 'The service no longer accepts the key you were signed in with. Sign in again.'
      : null);

  return (
    <main class="sign-in">
      <form class="sign-in-card" onSubmit={submit}>
        <GraftMark size={56} />
        <h1>Scion</h1>
        <p class="lede">A small model for every user, grafted onto one shared base.</p>
        <label for="key">Operator key</label>
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
          <code>npm start</code> prints it, and says which file holds it. It stays in this tab and is
          forgotten when you close it.
        </p>
      </form>
    </main>
  );
}

function explain(error: unknown): string {
  if (isScionError(error, 'unauthenticated')) return 'The service does not know this key, or it has expired.';
  if (isScionError(error, 'scope_missing')) {
    return 'This key belongs to one tenant. The dashboard shows all of them and needs the operator key.';
  }
  const { title, detail } = describeError(error);
  return `${title}. ${detail}`;
}
