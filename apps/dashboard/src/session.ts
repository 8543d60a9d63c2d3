import { computed, signal } from '@preact/signals';
import { type Client, createClient } from '@scion/sdk';

const storageKey = 'scion-operator-key';

/** The operator key of this tab; it lives in sessionStorage, so that closing the tab forgets it. */
const key = signal<string | null>(sessionStorage.getItem(storageKey));

/** Why the sign-in form is shown again, where there is a reason. */
export const signedOutBecause = signal<'key refused' | null>(null);

/** The client of the whole dashboard; null while signed out. */
export const client = computed<Client | null>(() => (key.value === null ? null : clientFor(key.value)));

/** Checks a key against the service and keeps it; throws the client's error when it is not an operator's. */
export async function signIn(candidate: string): Promise<void> {
  await clientFor(candidate, false).system.get();
  sessionStorage.setItem(storageKey, candidate);
  signedOutBecause.value = null;
  key.value = candidate;
}

export function signOut(because: 'key refused' | null = null): void {
  sessionStorage.removeItem(storageKey);
  signedOutBecause.value = because;
  key.value = null;
}

function clientFor(apiKey: string, leaveOnRefusal = true): Client {
  return createClient({
    baseUrl: new URL('.', document.baseURI).href,
    apiKey,
    // The page asks again by itself; long retries would only hide that something is wrong.
    maxRetries: 1,
    timeoutMs: 15_000,
    fetch: async (input, init) => {
      const response = await fetch(input, init);
      // A key that was deleted or has expired while the page was open.
      if (leaveOnRefusal && response.status === 401 && key.peek() === apiKey) signOut('key refused');
      return response;
    },
  });
}
