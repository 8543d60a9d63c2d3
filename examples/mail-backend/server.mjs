// A mail backend that learns where each of its users wants mail to go. It asks Scion for every new mail, sends each move
// as an example, and hears by webhook when a user's model is new. Mail itself stands in memory here.
import { createClient, isScionError } from '@scion/sdk';
import { fastify } from 'fastify';

const { SCION_API_KEY: apiKey, SCION_URL: baseUrl = 'http://127.0.0.1:7070', PORT = '4000' } = process.env;
if (!apiKey) {
  process.stderr.write('SCION_API_KEY is not set: a key with the scopes admin, train and predict\n');
  process.exit(2);
}
const scion = createClient({ baseUrl, apiKey });
const address = `http://127.0.0.1:${PORT}`;
const task = 'mail-folders';

/** By user: mails by id. */
const boxes = new Map();
const boxOf = (user) => boxes.get(user) ?? boxes.set(user, new Map()).get(user);
/** Ids of webhook events that were handled; a delivery may come twice. A real backend keeps them for a day. */
const handled = new Set();
let webhookSecret;

/** Where the user's model would put mails; the inbox while there is no model, or when it is not sure. */
async function foldersFor(user, subjects) {
  try {
    const { predictions } = await scion.predict({ task, user, inputs: subjects });
    return predictions.map(({ label }) => label ?? 'inbox');
  } catch (error) {
    if (!isScionError(error, 'model_not_trained')) throw error;
    return subjects.map(() => 'inbox');
  }
}

/** Puts mails that the user has not touched where the new model wants them. */
async function sortAgain(user) {
  const untouched = [...boxOf(user).values()].filter(({ moved }) => !moved);
  if (untouched.length === 0) return;
  const folders = await foldersFor(
    user,
    untouched.map(({ subject }) => subject),
  );
  untouched.forEach((mail, index) => {
    mail.folder = folders[index];
  });
}

const app = fastify();

app.get('/users/:user/mail', async ({ params }) => [...boxOf(params.user).values()]);

app.post('/users/:user/mail', async ({ params, body }) => {
  const [folder] = await foldersFor(params.user, [body.subject]);
  const mail = { id: body.id, subject: body.subject, folder, moved: false };
  boxOf(params.user).set(mail.id, mail);
  return mail;
});

app.put('/users/:user/mail/:id/folder', async ({ params, body }, reply) => {
  const mail = boxOf(params.user).get(params.id);
  if (!mail) return reply.code(404).send({ error: 'no such mail' });
  // The mail's id makes it one example, however often the mail is moved or this call is repeated.
  await scion.examples.append(task, params.user, [{ id: mail.id, input: mail.subject, label: body.folder }]);
  Object.assign(mail, { folder: body.folder, moved: true });
  return mail;
});

// The signature is over the bytes as they came, so this route alone must not parse them.
app.register(async (hooks) => {
  hooks.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, bytes, done) =>
    done(null, bytes),
  );
  hooks.post('/hooks/scion', async ({ body, headers }, reply) => {
    let event;
    try {
      event = await scion.webhooks.unwrap(body, headers, webhookSecret);
    } catch (error) {
      if (!isScionError(error, 'webhook_invalid')) throw error;
      return reply.code(400).send();
    }
    if (!handled.has(event.id)) {
      await sortAgain(event.data.user);
      handled.add(event.id);
    }
    return reply.code(204).send();
  });
});

await scion.tasks.put(task, {
  labels: ['urgent', 'later'],
  abstainBelow: 0.6,
  retrain: { afterExamples: 8 },
});
// A secret is shown once, so a new start makes a new webhook in place of its own old one.
const url = `${address}/hooks/scion`;
for await (const webhook of scion.webhooks.list())
  if (webhook.url === url) await scion.webhooks.delete(webhook.id);
webhookSecret = (await scion.webhooks.create({ url, events: ['job.succeeded'] })).secret;

await app.listen({ host: '127.0.0.1', port: Number(PORT) });
process.stdout.write(`serving at ${address}\n`);
