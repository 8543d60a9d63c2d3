import type { Client, Tenant, TenantCreate } from '@scion/sdk';
import { useState } from 'preact/hooks';
import { Dialog } from '../../parts/dialog.js';
import { type QuotaName, quotaNames } from './quota-names.js';

interface TenantEditorProps {
  /** Undefined makes a new one. */
  tenant?: Tenant;
  client: Client;
  onDone(): void;
  onClose(): void;
}

const quotas = Object.keys(quotaNames) as QuotaName[];

/** Creates a tenant, or replaces its name, share and quotas. An empty field is no limit. */
export function TenantEditor({ tenant, client, onDone, onClose }: TenantEditorProps) {
  const [name, setName] = useState(tenant?.name ?? '');
  const [weight, setWeight] = useState(String(tenant?.weight ?? 1));
  const [atOnce, setAtOnce] = useState(String(tenant?.concurrentJobs ?? ''));
  const [limits, setLimits] = useState<Partial<Record<QuotaName, string>>>(() =>
    Object.fromEntries(Object.entries(tenant?.quotas ?? {}).map(([quota, limit]) => [quota, String(limit)])),
  );
  const save = async () => {
    const set = quotas.filter((quota) => limits[quota]);
    const spec: TenantCreate = {
      name: name.trim(),
      weight: Number(weight),
      ...(atOnce !== '' && { concurrentJobs: Number(atOnce) }),
      ...(set.length > 0 && {
        quotas: Object.fromEntries(set.map((quota) => [quota, Number(limits[quota])])),
      }),
    };
    await (tenant ? client.tenants.put(tenant.id, spec) : client.tenants.create(spec));
    onDone();
  };
  return (
    <Dialog
      title={tenant ? `Tenant ${tenant.name}` : 'New tenant'}
      submit={tenant ? 'Save' : 'Create'}
      leave="Cancel"
      blocked={name.trim() === ''}
      onSubmit={save}
      onClose={onClose}
    >
      <label class="form-field">
        <span class="form-name">Name</span>
        <input value={name} maxLength={200} onInput={(event) => setName(event.currentTarget.value)} />
      </label>
      <div class="form-row">
        <label class="form-field">
          <span class="form-name">Weight</span>
          <input
            type="number"
            min="0.01"
            max="1000"
            step="any"
            required
            value={weight}
            onInput={(event) => setWeight(event.currentTarget.value)}
          />
          <span class="form-hint">Its part of the training time, while others want some too</span>
        </label>
        <label class="form-field">
          <span class="form-name">Jobs at once</span>
          <input
            type="number"
            min="1"
            max="10000"
            placeholder="no limit"
            value={atOnce}
            onInput={(event) => setAtOnce(event.currentTarget.value)}
          />
        </label>
      </div>
      <fieldset class="form-row">
        <legend class="hidden-text">Quotas</legend>
        {quotas.map((quota) => (
          <label key={quota} class="form-field">
            <span class="form-name">{quotaNames[quota]}</span>
            <input
              type="number"
              min="0"
              step="1"
              placeholder="no limit"
              value={limits[quota] ?? ''}
              onInput={(event) => setLimits({ ...limits, [quota]: event.currentTarget.value })}
            />
          </label>
        ))}
      </fieldset>
    </Dialog>
  );
}
