// What a runtime must manage to run the SDK. It is handed the packed SDK and uses nothing but what all runtimes have.

const refusal = async (promise) => {
  const error = await promise.then(
    () => new Error('it was not refused'),
    (reason) => reason,
  );
  return { name: error.name, code: error.code };
};

/** What a key may do whose only scope is `predict`, in a browser as anywhere. */
export async function tryPredicting({ createClient, isScionError }, { baseUrl, key, user }) {
  const client = createClient({ baseUrl, apiKey: key });
  const inputs = ['one', 'two'];
  const { version, predictions } = await client.predict({ task: 'feed', user, inputs });
  const { results } = await client.predictUsers({ task: 'feed', users: [user, 'nobody'], inputs });
  const forbidden = await client.tasks.put('feed', {}).catch((error) => error);
  const gone = AbortSignal.abort(new Error('no longer wanted'));
  const aborted = await client.predict({ task: 'feed', user, inputs }, { signal: gone }).catch(String);
  return {
    answer: [version, predictions.map(({ label }) => label)],
    users: results.map(({ user, problem }) => [user, problem?.code ?? 'answered']),
    forbidden: isScionError(forbidden, 'scope_missing') && /^req_/.test(forbidden.requestId),
    aborted,
    closed: await refusal(
      createClient({ baseUrl: 'http://127.0.0.1:1', apiKey: key, maxRetries: 0 }).tasks.list(),
    ),
  };
}

/** The rest: lists, an event stream to its end, a webhook's signature. */
export async function tryManaging({ createClient }, { baseUrl, key, user, delivery }) {
  const client = createClient({ baseUrl, apiKey: key });
  const examples = ['a', 'b'].flatMap((input) => [
    { id: `g${input}`, input: `good ${input}`, label: 'like' },
    { id: `b${input}`, input: `bad ${input}`, label: 'hide' },
  ]);
  await client.examples.append('feed', user, examples);
  const ids = [];
  for await (const { id } of client.examples.list('feed', user, { limit: 3 })) ids.push(id);
  const job = await client.jobs.create({ task: 'feed', user });
  await client.jobs.cancel(job.id);
  const states = [];
  for await (const { state } of client.jobs.events(job.id)) states.push(state);
  const clocked = createClient({ baseUrl, apiKey: key, clock: () => delivery.at });
  const event = await clocked.webhooks.unwrap(delivery.body, delivery.headers, delivery.secret);
  const forged = clocked.webhooks.unwrap(`${delivery.body} `, delivery.headers, delivery.secret);
  return { ids: ids.sort(), states, event: event.id, forged: (await refusal(forged)).code };
}
