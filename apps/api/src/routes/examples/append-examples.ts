import type { Readable } from 'node:stream';
import { ExamplesAppend, ExamplesAppended, limits } from '@scion/contracts';
import { tenantOf } from '../../http/authenticate.js';
import { readNdjson } from '../../http/ndjson.js';
import { modelRef } from '../../http/user-id.js';
import { compileValidator } from '../../http/validation.js';
import type { ApiDeps } from '../../ports.js';
import { tellQuotas } from '../../quota/tell-quotas.js';
import type { App } from '../../server.js';
import { ModelPath } from '../path-params.js';
import { checkExamples } from './check-examples.js';
import { orderCompaction } from './order-compaction.js';
import { requireRoom, roomOf } from './require-room.js';
import { toRows } from './rows.js';

const ndjsonLimits = {
  bytes: limits.bodyBytes,
  // One text with each of its characters escaped, plus room for the rest of the line.
  lineBytes: limits.textChars * 6 + 16_384,
  rows: limits.examplesPerRequest,
};

/** Segments that are worth a compaction, which on average one in as many requests orders. */
const compactEvery = 32;

export function appendExamples(
  app: App,
  { registry, queue, settings, clock }: Pick<ApiDeps, 'registry' | 'queue' | 'settings' | 'clock'>,
): void {
  // A scope of its own, so that no other route reads NDJSON.
  app.register(async (scope: App) => {
    scope.addContentTypeParser('application/x-ndjson', async (_request: unknown, body: Readable) =>
      readNdjson(body, ndjsonLimits),
    );
    scope.post(
      '/v1/tasks/:task/users/:user/examples',
      {
        config: {
          problems: [
            'malformed_ndjson',
            'task_not_found',
            'user_importing',
            'label_wrong_kind',
            'label_not_allowed',
            'input_empty',
            'input_too_long',
            'too_many_rows',
            'quota_users',
            'quota_examples',
            'quota_storage',
            'quota_exceeded',
          ],
        },
        // Rows are checked one by one below, for JSON and NDJSON alike: the schema only documents them.
        validatorCompiler: ({ httpPart, ...rest }) =>
          httpPart === 'body' ? (value) => ({ value }) : compileValidator({ httpPart, ...rest }),
        schema: {
          operationId: 'appendExamples',
          tags: ['examples'],
          summary: 'Append labelled examples',
          description:
            'All of a request is stored, or nothing. Idempotent by example id: an id sent again replaces the example, unchanged it is a no-op. `RateLimit` headers tell what is left of the tenant’s quotas.',
          params: ModelPath,
          consumes: ['application/json', 'application/x-ndjson'],
          body: ExamplesAppend,
          response: { 200: ExamplesAppended },
        },
      },
      async (request, reply) => {
        const ref = modelRef(tenantOf(request), request.params);
        const task = await registry.tasks.get(ref.tenantId, ref.task);
        const examples = checkExamples(toRows(request.body), task);
        const room = await roomOf(ref.tenantId, task, { registry, settings });
        const bytes = Buffer.byteLength(JSON.stringify(examples));
        tellQuotas(reply, [
          ...(await requireRoom(ref, examples, registry, room)),
          ...(await registry.usage.admitUser(ref)),
          ...(await registry.usage.admitBytes(ref.tenantId, bytes)),
        ]);
        const appended = await registry.examples.append(ref, examples);
        const changed = appended.accepted + appended.replaced;
        const wanted = task.retrain?.afterExamples;
        if (wanted !== undefined) {
          const order = { ...ref, requestId: request.id, occasion: `after-${clock()}` };
          // All that were sent: those there already may be of an append that was cut off here, and too many cost but a
          // look. The rows are stored whatever becomes of this: the same ones sent again, or the night, make up for it.
          await queue.changes
            .note(ref, examples.length, wanted)
            .then((enough) => (enough ? queue.enqueueRefresh(order) : undefined))
            .catch((err) => request.log.warn({ err }, 'retraining not ordered'));
        }
        // So that many small requests do not leave as many segments; where jobs run, they compact as well.
        if (changed > 0 && Math.random() < 1 / compactEvery) {
          await orderCompaction(ref, compactEvery, { queue, clock }).catch((err) =>
            request.log.warn({ err }, 'compaction not ordered'),
          );
        }
        return appended;
      },
    );
  });
}
