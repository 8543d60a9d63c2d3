import { Page } from './page.js';
import { client } from './session.js';
import { SignIn } from './sign-in.js';

/** Signed out there is only the form; signed in there is only the page. */
export function App() {
  return client.value ? <Page client={client.value} /> : <SignIn />;
}
