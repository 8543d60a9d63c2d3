import { computed, signal } from '@preact/signals';
import { type Client, createClient, isScionError, type Session } from '@scion/sdk';
import { learnServiceTime } from './clock.js';

/** Who is signed in; null for nobody, undefined until the service has said. */
export const session = signal<Session | null | undefined>(undefined);

/** Why the sign-in form is shown again, where there is a reason. */
export const signedOutBecause = signal<'session ended' | null>(null);

/** Whether what is shown is current. */
export const reach = signal<'connecting' | 'live' | 'lost'>('connecting');

/** The client of the whole dashboard. The cookie speaks for it; no key is kept anywhere a script could read it. */
export const client = computed<Client | null>(() =>
  session.value ? clientOf({ csrfToken: session.value.csrfToken }) : null,
);

/** Whether the signed-in key may do what needs this scope; what it may not is not offered. `see` is what `read` may too. */
export function may(scope: 'admin' | 'train' | 'predict' | 'operate' | 'see'): boolean {
  const scopes = session.value?.scopes ?? [];
  if (scope === 'see') return scopes.includes('admin') || scopes.includes('read');
  return scope === 'operate' ? isOperator.value && scopes.includes('admin') : scopes.includes(scope);
}

/** Whether all tenants may be seen, or one's own only. */
export const isOperator = computed(() => session.value?.tenant === null);

/** Set while this browser may have a session; without it a first visit would begin with a refused request. */
const mark = 'scion-signed-in';

/** Asks whether this browser is still signed in, from another tab or before a reload. */
export async function resumeSession(): Promise<void> {
  if (localStorage.getItem(mark) === null) {
    session.value = null;
    return;
  }
  try {
    session.value = await clientOf({}).session.get();
  } catch (error) {
    if (!isScionError(error, 'unauthenticated')) throw error;
    localStorage.removeItem(mark);
    signedOutBecause.value = 'session ended';
    session.value = null;
  }
}

/** Exchanges a key for the session cookie; throws the client's error when the service does not take it. */
export async function signIn(apiKey: string): Promise<void> {
  session.value = await clientOf({ apiKey }).session.begin();
  localStorage.setItem(mark, 'yes');
  signedOutBecause.value = null;
}

export async function signOut(): Promise<void> {
  await client.peek()?.session.end();
  localStorage.removeItem(mark);
  session.value = null;
}

function clientOf(credentials: { apiKey?: string; csrfToken?: string }): Client {
  return createClient({
    baseUrl: new URL('.', document.baseURI).href,
    ...credentials,
    // The page asks again by itself; long retries would only hide that something is wrong.
    maxRetries: 1,
    timeoutMs: 15_000,
    fetch: async (input, init) => {
      const response = await fetch(input, init).catch((error: unknown) => {
        // Aborted by the client's own clock, nobody has left: a service that hangs is as far away as one that is down.
        if (!init?.signal?.aborted || isScionError(init.signal.reason, 'timeout')) reach.value = 'lost';
        throw error;
      });
      reach.value = 'live';
      learnServiceTime(response.headers.get('date'));
      // Signed out elsewhere, the key deleted, or twelve hours over: the address stays, and signing in leads back to it.
      if (response.status === 401 && session.peek()) {
        signedOutBecause.value = 'session ended';
        session.value = null;
      }
      return response;
    },
  });
}
