/** What one check found. `remedy` says what to do about it. */
export interface Finding {
  state: 'good' | 'warning' | 'bad' | 'skipped';
  found: string;
  remedy?: string;
}

export interface Check {
  name: string;
  look(): Promise<Finding>;
}

export const good = (found: string): Finding => ({ state: 'good', found });
export const warning = (found: string, remedy: string): Finding => ({ state: 'warning', found, remedy });
export const bad = (found: string, remedy: string): Finding => ({ state: 'bad', found, remedy });
export const skipped = (found: string): Finding => ({ state: 'skipped', found });

/** A check that hangs is a finding, too. */
const longestCheckMs = 10_000;

/** Runs a check; whatever it throws is a bad finding. */
export async function examine({ name, look }: Check): Promise<Finding & { name: string }> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Finding>((done) => {
    timer = setTimeout(
      () => done(bad(`no answer within ${longestCheckMs / 1_000} s`, 'look at its load and the network')),
      longestCheckMs,
    );
  });
  try {
    return { name, ...(await Promise.race([look(), late])) };
  } catch (error) {
    return { name, ...bad((error as Error).message, 'see its own log') };
  } finally {
    clearTimeout(timer);
  }
}
