import type { Tenant } from '@scion/sdk';
import { chosenTenant, go, hrefOf, lookAt, route } from '../navigation.js';
import { GraftMark, LeaveIcon, MoonIcon, SunIcon } from '../parts/icons.js';
import type { Page } from '../route.js';
import { isOperator, may, reach, session, signOut } from '../session.js';
import { theme, toggleTheme } from '../theme.js';

const titles: Record<Page, string> = {
  overview: 'Overview',
  jobs: 'Jobs',
  models: 'Models',
  playground: 'Playground',
  tenant: 'Tenant',
  tenants: 'Tenants',
  cache: 'Cache and bases',
};

/** The navigation is a grafted stem: above the joint what each tenant grows, below it what all of them share. */
export function Side({ tenants, more }: { tenants: Tenant[]; more: boolean }) {
  const scion: Page[] = isOperator.value
    ? ['overview', 'jobs', 'models', 'playground']
    : ['jobs', 'models', 'playground'];
  const root: Page[] = isOperator.value ? ['tenants', 'cache'] : ['tenant'];
  return (
    <header class="side">
      <div class="side-top">
        <a class="brand" href={hrefOf({ page: isOperator.value ? 'overview' : 'jobs' })}>
          <GraftMark size={28} />
          <span>Scion</span>
        </a>
        <TenantPicker tenants={tenants} more={more} />
      </div>
      <nav class="nav" aria-label="Pages">
        <Stem pages={scion} kind="scion" />
        <svg class="graft" viewBox="0 0 24 28" aria-hidden="true">
          <path class="mark-scion" d="M12 0v7l5 4-10 5" />
          <path class="mark-root" d="M17 11 7 16l5 5v7" />
        </svg>
        <Stem pages={root} kind="root" />
      </nav>
      <Foot />
    </header>
  );
}

function Stem({ pages, kind }: { pages: Page[]; kind: 'scion' | 'root' }) {
  const shown = route.value.page === 'tenant' && isOperator.value ? 'tenants' : route.value.page;
  return (
    <ul class={`stem stem-${kind}`}>
      {pages.map((page) => (
        <li key={page}>
          <a href={hrefOf({ page })} aria-current={shown === page ? 'page' : undefined}>
            {titles[page]}
          </a>
        </li>
      ))}
    </ul>
  );
}

function TenantPicker({ tenants, more }: { tenants: Tenant[]; more: boolean }) {
  const chosen = chosenTenant.value ?? 'all';
  if (!isOperator.value) return <p class="tenant-name">{session.value?.tenant?.name}</p>;
  if (tenants.length === 0) return null;
  const pick = (value: string) => {
    if (value === 'another') go({ page: 'tenants' });
    else lookAt(value === 'all' ? undefined : value);
  };
  return (
    <label class="tenant-picker">
      <span class="hidden-text">Tenant</span>
      <select value={chosen} onChange={(event) => pick(event.currentTarget.value)}>
        <option value="all">All tenants</option>
        {chosen !== 'all' && !tenants.some(({ id }) => id === chosen) && (
          <option value={chosen}>…{chosen.slice(-8)}</option>
        )}
        {tenants.map((tenant) => (
          <option key={tenant.id} value={tenant.id}>
            {tenant.name}
          </option>
        ))}
        {more && <option value="another">Find another…</option>}
      </select>
    </label>
  );
}

/** Who is signed in, whether what is shown is current, and the way out. */
function Foot() {
  const other = theme.value === 'dark' ? 'light' : 'dark';
  const words = { live: 'Live', lost: 'No answer, retrying', connecting: 'Connecting' }[reach.value];
  const looks = !may('admin') && !may('train');
  return (
    <div class="side-foot">
      <span class={`pulse pulse-${reach.value}`} role="status">
        <span class="pulse-words">{words}</span>
      </span>
      <span class="side-who" title={`Signed in with the key “${session.value?.keyName}”`}>
        {looks ? 'Read only' : session.value?.keyName}
      </span>
      <button type="button" class="button button-icon" onClick={toggleTheme} title={`Use the ${other} theme`}>
        {theme.value === 'dark' ? <SunIcon /> : <MoonIcon />}
        <span class="hidden-text">Use the {other} theme</span>
      </button>
      <button type="button" class="button button-icon" onClick={() => void signOut()} title="Sign out">
        <LeaveIcon />
        <span class="hidden-text">Sign out</span>
      </button>
    </div>
  );
}
