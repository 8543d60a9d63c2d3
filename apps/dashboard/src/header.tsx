import type { SystemState, Tenant } from '@scion/sdk';
import type { Live } from './live.js';
import { chosenTenant, hrefOf, route } from './navigation.js';
import { GraftMark, LeaveIcon, MoonIcon, SunIcon } from './parts/icons.js';
import { signOut } from './session.js';
import { theme, toggleTheme } from './theme.js';

export function Header({ system, tenants }: { system: Live<SystemState>; tenants: Tenant[] }) {
  const tenantId = chosenTenant.value;
  const listed = tenants.some((tenant) => tenant.id === tenantId);
  const other = theme.value === 'dark' ? 'light' : 'dark';
  return (
    <header class="header">
      <a class="brand" href={hrefOf({ section: 'tenants' })}>
        <GraftMark size={28} />
        <span>Scion</span>
      </a>
      {tenants.length > 0 && (
        <label class="tenant-picker">
          <span class="tenant-picker-label">Tenant</span>
          <select
            value={tenantId}
            onChange={(event) => {
              const section = route.peek().section;
              location.hash = hrefOf({ tenant: event.currentTarget.value, ...(section && { section }) });
            }}
          >
            {!listed && tenantId && <option value={tenantId}>{tenantId}</option>}
            {tenants.map((tenant) => (
              <option key={tenant.id} value={tenant.id}>
                {tenant.name}
              </option>
            ))}
          </select>
        </label>
      )}
      <span class="header-gap" />
      <Pulse system={system} />
      <button type="button" class="button button-icon" onClick={toggleTheme} title={`Use the ${other} theme`}>
        {theme.value === 'dark' ? <SunIcon /> : <MoonIcon />}
        <span class="hidden-text">Use the {other} theme</span>
      </button>
      <button type="button" class="button button-icon" onClick={() => signOut()} title="Sign out">
        <LeaveIcon />
        <span class="hidden-text">Sign out</span>
      </button>
    </header>
  );
}

/** Whether what is shown is current. */
function Pulse({ system }: { system: Live<SystemState> }) {
  const state = system.error !== undefined ? 'lost' : system.data ? 'live' : 'connecting';
  const words = { live: 'Live', lost: 'No answer, retrying', connecting: 'Connecting' }[state];
  return (
    <span class={`pulse pulse-${state}`} role="status">
      <span class="pulse-words">{words}</span>
    </span>
  );
}
