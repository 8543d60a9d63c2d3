// Debian's chromium, driven through playwright-core (which downloads none).
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';
import { browsers, onPath } from '../../infra/bootstrap/prepare.mjs';

const executablePath = process.env.CHROMIUM_PATH ?? onPath(...browsers) ?? '/usr/bin/chromium';

/** Why no browser can be started, or false. */
export const noBrowser = existsSync(executablePath)
  ? false
  : `no chromium at ${executablePath}: apt-get install chromium, or set CHROMIUM_PATH`;

export const launchBrowser = () => chromium.launch({ executablePath, args: ['--no-sandbox'] });

/**
 * Opens a page and keeps what must not happen in it: errors on the console or uncaught, and violations of the
 * Content-Security-Policy. `complaints()` hands them over and starts anew.
 */
export async function watchedPage(context) {
  const page = await context.newPage();
  let list = [];
  page.on('console', (message) => {
    if (message.type() === 'error') list.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => list.push(`uncaught: ${error.stack}`));
  await page.exposeFunction('reportViolation', (text) => list.push(`CSP: ${text}`));
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      globalThis.reportViolation(
        `${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`,
      );
    });
  });
  const complaints = () => {
    const told = list;
    list = [];
    return told;
  };
  return { page, complaints };
}

/** Signs in where the page stands, and comes back to what its address names. */
export async function signIn(page, key) {
  await page.getByLabel('Admin key').fill(key);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('navigation', { name: 'Pages' }).waitFor();
}
