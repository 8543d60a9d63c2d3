import type { Tenant } from '@scion/sdk';
import type { Context } from '../command.js';
import { connect } from '../connection.js';
import { time } from '../terminal/format.js';
import { renderTable } from '../terminal/table.js';
import { takeFirst } from './take-first.js';

export async function createTenant(context: Context): Promise<void> {
  const { input, terminal } = context;
  const client = await connect(context);
  const weight = input.number('weight');
  const concurrentJobs = input.number('concurrent-jobs');
  const tenant = await client.tenants.create({
    name: input.arg('name'),
    ...(weight !== undefined && { weight }),
    ...(concurrentJobs !== undefined && { concurrentJobs }),
  });
  terminal.result(tenant, () => tenant.id);
  terminal.note(terminal.errorStyle.dim(`next: scion key create backend --tenant ${tenant.id}`));
}

export async function listTenants(context: Context): Promise<void> {
  const { terminal } = context;
  const tenants = await takeFirst((await connect(context)).tenants.list(), context);
  terminal.result(tenants, () =>
    renderTable<Tenant>(
      tenants,
      [
        { title: 'tenant', cell: ({ id }) => id, style: terminal.style.cyan },
        { title: 'name', cell: ({ name }) => name, flexible: true },
        { title: 'weight', cell: ({ weight = 1 }) => String(weight), align: 'right' },
        {
          title: 'jobs at once',
          cell: ({ concurrentJobs }) => String(concurrentJobs ?? '–'),
          align: 'right',
        },
        { title: 'created', cell: ({ createdAt }) => time(createdAt) },
      ],
      terminal,
    ),
  );
}
