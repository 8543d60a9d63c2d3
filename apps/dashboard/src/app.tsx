import { useEffect, useState } from 'preact/hooks';
import { ErrorNote } from './parts/notice.js';
import { client, resumeSession, session } from './session.js';
import { Shell } from './shell/shell.js';
import { SignIn } from './shell/sign-in.js';

/** Signed out there is only the form; signed in there is only the shell with its page. */
export function App() {
  const [error, setError] = useState<unknown>();
  const resume = () => {
    setError(undefined);
    resumeSession().catch(setError);
  };
  useEffect(resume, []);

  if (client.value && session.value) {
    // Another key is another person, whose pages begin anew.
    return <Shell key={session.value.keyId} client={client.value} />;
  }
  if (session.value === null) return <SignIn />;
  return error === undefined ? null : (
    <main class="sign-in">
      <ErrorNote error={error} retry={resume} />
    </main>
  );
}
