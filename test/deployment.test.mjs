// docker-compose.yml and the image: no container engine runs here, so they are read, not run.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { parse } from 'yaml';

const root = fileURLToPath(new URL('../', import.meta.url));
const read = (path) => readFileSync(join(root, path), 'utf8');
const compose = parse(read('docker-compose.yml'), { merge: true });

t.test(
  'every service has an image or a Dockerfile that exists, and depends on services that exist',
  async (t) => {
    t.same(Object.keys(compose.services).sort(), ['api', 'bucket', 'redis', 's3', 'worker']);
    for (const [name, service] of Object.entries(compose.services)) {
      t.ok(service.image, `${name} names an image`);
      if (service.build)
        t.ok(existsSync(join(root, service.build.dockerfile)), `${name}: ${service.build.dockerfile}`);
      const needed = Array.isArray(service.depends_on)
        ? service.depends_on
        : Object.keys(service.depends_on ?? {});
      for (const other of needed) t.ok(compose.services[other], `${name} depends on ${other}`);
      for (const volume of service.volumes ?? []) {
        const [source] = volume.split(':');
        const known = source.startsWith('.') ? existsSync(join(root, source)) : source in compose.volumes;
        t.ok(known, `${name} mounts ${source}`);
      }
    }
  },
);

t.test('the processes know every variable that the compose file and the image set', async (t) => {
  const fromAwsClient = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'];
  const known = { api: read('apps/api/src/config.ts'), worker: read('apps/worker/src/config.ts') };
  for (const [name, source] of Object.entries(known)) {
    for (const variable of Object.keys(compose.services[name].environment)) {
      const used = source.includes(variable) || fromAwsClient.includes(variable);
      // The operator key is the API's alone; both services share one block.
      t.ok(used || (name === 'worker' && variable === 'SCION_OPERATOR_KEY'), `${name} reads ${variable}`);
    }
  }
  for (const [, variable] of read('infra/docker/Dockerfile').matchAll(/\b(SCION_\w+)=/g)) {
    t.ok(known.api.includes(variable), `the api reads ${variable}`);
  }
});

t.test(
  'compose speaks to its own S3 server with its own key, whatever credentials the shell has',
  async (t) => {
    const [{ credentials }] = JSON.parse(read('infra/docker/seaweedfs-s3.json')).identities;
    for (const name of ['api', 'worker', 'bucket'])
      t.match(compose.services[name].environment, {
        AWS_ACCESS_KEY_ID: credentials[0].accessKey,
        AWS_SECRET_ACCESS_KEY: credentials[0].secretKey,
      });
  },
);

t.test('an image takes no file of secrets along', async (t) => {
  for (const file of ['.dockerignore', '.gitignore']) t.ok(read(file).split('\n').includes('.env*'), file);
});

t.test('the image starts files that the build makes', async (t) => {
  const commands = [
    ...Object.values(compose.services).map((service) => service.command),
    ['node', 'apps/api/dist/main.js'],
  ];
  for (const command of commands.filter((command) => Array.isArray(command) && command[0] === 'node')) {
    t.ok(existsSync(join(root, command[1])), command.join(' '));
  }
  t.match(readdirSync(join(root, 'infra/docker')), ['Dockerfile', 'seaweedfs-s3.json']);
});

t.test('whoever stops a worker gives it longer than its jobs have to end, and it to close', (t) => {
  const number = (pattern, path) => Number(pattern.exec(read(path))[1].replaceAll('_', ''));
  const graceSeconds = number(/SCION_GRACE_SECONDS: .*default: (\d+)/, 'apps/worker/src/config.ts');
  const closeMs = number(/const closeMs = ([\d_]+);/, 'apps/worker/src/main.ts');
  const seconds = Number.parseInt(compose.services.worker.stop_grace_period, 10);
  t.ok(seconds * 1_000 > graceSeconds * 1_000 + closeMs, 'the container');
  t.ok(number(/const beyondGraceMs = ([\d_]+);/, 'apps/cli/src/up/up.ts') > closeMs, 'npm start');
  t.end();
});
