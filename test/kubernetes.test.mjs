// infra/kubernetes: no cluster runs here, so each object is held against the types of the Kubernetes API, in which a
// misspelt or misplaced field is an error, and against what the processes know.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { parseAllDocuments } from 'yaml';

const root = fileURLToPath(new URL('../', import.meta.url));
const folder = join(root, 'infra/kubernetes');
const objects = readdirSync(folder).flatMap((name) =>
  parseAllDocuments(readFileSync(join(folder, name), 'utf8')).map((one) => {
    if (one.errors.length > 0) throw one.errors[0];
    return { name, object: one.toJS() };
  }),
);
const byKind = (kind) => objects.filter(({ object }) => object.kind === kind).map(({ object }) => object);

/** What of KEDA's objects is used here, by https://keda.sh/docs/2.18/reference/scaledobject-spec/. */
const keda = `
interface ObjectMeta { name: string; labels?: Record<string, string> }
interface ScaledObject {
  apiVersion: 'keda.sh/v1alpha1'; kind: 'ScaledObject'; metadata: ObjectMeta;
  spec: {
    scaleTargetRef: { name: string; kind?: string; apiVersion?: string; envSourceContainerName?: string };
    pollingInterval?: number; cooldownPeriod?: number; initialCooldownPeriod?: number; idleReplicaCount?: 0;
    minReplicaCount?: number; maxReplicaCount?: number;
    triggers: { type: string; name?: string; metadata: Record<string, string>; authenticationRef?: { name: string; kind?: string } }[];
  };
}
interface TriggerAuthentication {
  apiVersion: 'keda.sh/v1alpha1'; kind: 'TriggerAuthentication'; metadata: ObjectMeta;
  spec: { secretTargetRef?: { parameter: string; name: string; key: string }[] };
}`;

/** The compiler's complaints about objects, or an empty text. */
function complaints(all) {
  const directory = mkdtempSync(join(tmpdir(), 'scion-kubernetes-'));
  const lines = all.map((object, index) => {
    const [group, version] = object.apiVersion.includes('/')
      ? object.apiVersion.split('/')
      : ['core', object.apiVersion];
    const type = group.startsWith('keda')
      ? object.kind
      : `import(${JSON.stringify(join(root, 'node_modules/kubernetes-types', group, version))}).${object.kind}`;
    return `export const object${index}: ${type} = ${JSON.stringify(object, null, 2)};`;
  });
  writeFileSync(join(directory, 'objects.ts'), `${keda}\n${lines.join('\n')}\n`);
  const tsc = join(root, 'node_modules/typescript/lib/tsc.js');
  const args = [
    tsc,
    '--ignoreConfig',
    '--noEmit',
    '--strict',
    '--skipLibCheck',
    '--module',
    'esnext',
    '--moduleResolution',
    'bundler',
  ];
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [...args, '--types', '', join(directory, 'objects.ts')],
    {
      encoding: 'utf8',
    },
  );
  rmSync(directory, { recursive: true });
  return status === 0 ? '' : `${stdout}${stderr}` || `tsc ended with ${status}`;
}

t.test('every object is one that the Kubernetes API takes', async (t) => {
  t.equal(complaints(objects.map(({ object }) => object)), '');
});

t.test('the check above would find a misspelt field', async (t) => {
  const [deployment] = byKind('Deployment');
  const wrong = structuredClone(deployment);
  wrong.spec.template.spec.containers[0].envFroms = [];
  t.match(complaints([wrong]), /envFroms/);
  const [scaled] = byKind('ScaledObject');
  t.match(complaints([{ ...scaled, spec: { ...scaled.spec, maxReplicas: 2 } }]), /maxReplicas/);
});

t.test('objects name each other rightly', async (t) => {
  const deployments = byKind('Deployment');
  for (const { metadata, spec } of deployments)
    t.match(spec.template.metadata.labels, spec.selector.matchLabels, metadata.name);
  for (const { metadata, spec } of [...byKind('Service'), ...byKind('PodDisruptionBudget')]) {
    const selector = spec.selector.matchLabels ?? spec.selector;
    const chosen = deployments.filter(({ spec: { template } }) =>
      Object.entries(selector).every(([key, value]) => template.metadata.labels[key] === value),
    );
    t.equal(chosen.length, 1, `${metadata.name} selects one deployment`);
  }
  for (const { spec } of byKind('ScaledObject')) {
    t.ok(deployments.some(({ metadata }) => metadata.name === spec.scaleTargetRef.name));
    for (const { authenticationRef } of spec.triggers)
      t.ok(byKind('TriggerAuthentication').some(({ metadata }) => metadata.name === authenticationRef.name));
  }
});

t.test('the processes know every variable that is set, and their commands exist', async (t) => {
  const fromAwsClient = /^AWS_/;
  const [config] = byKind('ConfigMap');
  for (const { metadata, spec } of byKind('Deployment')) {
    const app = metadata.name.replace('scion-', '');
    const source = readFileSync(join(root, `apps/${app}/src/config.ts`), 'utf8');
    for (const { command, env } of spec.template.spec.containers) {
      t.ok(existsSync(join(root, command[1])), command.join(' '));
      for (const name of [...env.map(({ name }) => name), ...Object.keys(config.data)])
        t.ok(fromAwsClient.test(name) || source.includes(name), `${app} reads ${name}`);
    }
  }
});

t.test('the figure that workers follow stands where the scaler looks', async (t) => {
  const { paths, components } = {
    paths: ['/v1/system'],
    components: readFileSync(join(root, 'docs/api.md'), 'utf8'),
  };
  const [{ spec }] = byKind('ScaledObject');
  const { url, valueLocation } = spec.triggers[0].metadata;
  t.ok(paths.some((path) => url.endsWith(path)));
  // The scaler stands in another namespace, where the bare name of a service means nothing.
  const [service] = byKind('Service');
  t.match(new URL(url).hostname, new RegExp(`^${service.metadata.name}\\.[a-z0-9-]+\\.svc$`));
  const schema = components.split('</a>SystemState\n')[1];
  t.ok(
    schema.slice(0, 4_000).includes(`\`${valueLocation}\``),
    `${valueLocation} is a member of SystemState`,
  );
});
