import type { Queue as BullQueue } from 'bullmq';
import { jobTable, type RefreshPayload } from './job-table.js';
import type { Queue } from './queue.js';

/** Looks that come back at moments of the clock, as BullMQ's job schedulers. */
export function createSchedules(
  queue: BullQueue<RefreshPayload, void, string>,
): Pick<Queue, 'scheduleNight' | 'scheduleTask'> {
  async function schedule(name: string, pattern: string, data: RefreshPayload): Promise<void> {
    const opts = { attempts: jobTable.refresh.attempts, removeOnComplete: true, removeOnFail: true };
    await queue.upsertJobScheduler(name, { pattern, tz: 'UTC' }, { name: 'refresh', data, opts });
  }

  return {
    scheduleNight: () => schedule('night', '0 2 * * *', { occasion: 'night' }),
    async scheduleTask({ tenantId, task }, pattern) {
      const name = `task.${tenantId}.${task}`;
      if (pattern === undefined) await queue.removeJobScheduler(name);
      else await schedule(name, withoutRepeats(pattern), { tenantId, task, occasion: 'schedule' });
    },
  };
}

/** The parser behind BullMQ takes no number twice in one field of a cron pattern. */
function withoutRepeats(pattern: string): string {
  const fields = pattern.split(' ').map((field) => {
    const numbers = field.split(',').map((one) => (/^\d+$/.test(one) ? String(Number(one)) : one));
    return [...new Set(numbers)].join(',');
  });
  return fields.join(' ');
}
