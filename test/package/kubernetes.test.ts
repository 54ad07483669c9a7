/** The manifests for Kubernetes: that they fit each other, the command line and what a stop has to leave, and take no more than they need. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { loadControllerSettings } from '../../controller/config/config.ts';
import { present } from '../../shared/assert.ts';
import { VERSION } from './built-packages.ts';
import { unknownWords } from './known-command.ts';

interface Container {
  readonly name: string;
  readonly image: string;
  /** In place of `locum`. */
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: ReadonlyArray<{ readonly name: string; readonly value?: string }>;
  readonly restartPolicy?: string;
  readonly securityContext?: { readonly readOnlyRootFilesystem?: boolean };
  readonly resources?: { readonly limits?: { readonly memory?: string } };
  readonly volumeMounts: ReadonlyArray<{ readonly name: string; readonly mountPath: string }>;
  readonly startupProbe?: object;
  readonly livenessProbe?: object;
  readonly readinessProbe?: object;
}
interface PodSpec {
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly securityContext?: object;
  readonly shareProcessNamespace?: boolean;
  readonly volumes?: ReadonlyArray<{
    readonly name: string;
    readonly secret?: { readonly secretName: string; readonly defaultMode: number };
  }>;
}
interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec: {
    readonly replicas?: number;
    readonly minReadySeconds?: number;
    readonly updateStrategy?: { readonly rollingUpdate: { readonly maxUnavailable: number } };
    readonly serviceName?: string;
    readonly clusterIP?: string;
    readonly selector?: Readonly<Record<string, string>> & { readonly matchLabels?: object };
    readonly ports?: ReadonlyArray<{ readonly port: number }>;
    readonly template?: { readonly metadata: { readonly labels: object }; readonly spec: PodSpec };
  };
}

const folder = join(import.meta.dirname, '../../deploy/kubernetes');
const documents = readdirSync(folder).flatMap((name) => [
  ...parseAllDocuments(readFileSync(join(folder, name), 'utf8'), { strict: true, uniqueKeys: true }),
]);
const manifests: readonly Manifest[] = documents.map((document) => document.toJS());
const find = (kind: string, name: string): Manifest =>
  present(
    manifests.find((one) => one.kind === kind && one.metadata.name === name),
    `${kind} ${name}`,
  );
const podOf = (manifest: Manifest) => present(manifest.spec.template, 'it has pods');

const controllers = find('StatefulSet', 'controller');
const agents = find('DaemonSet', 'agent');
const containers = [controllers, agents].flatMap((one) => {
  const { spec } = podOf(one);
  return [...(spec.initContainers ?? []), ...spec.containers];
});

/** The commands of Locum in a script, as far as they stand in it. */
const locumIn = (script: string): string[][] =>
  [...script.matchAll(/\blocum ([^)\n]+)/g)].map(([, words = '']) => words.split(' ').filter((word) => word !== ''));

describe('the manifests for Kubernetes', () => {
  it('are YAML without an error, all in one namespace', () => {
    expect(documents.flatMap(({ errors, warnings }) => [...errors, ...warnings])).toEqual([]);
    const spaces = manifests.filter(({ kind }) => kind !== 'Namespace').map(({ metadata }) => metadata.namespace);
    expect(new Set(spaces)).toEqual(new Set(['locum']));
  });

  it.each(containers.map((one) => [one.name, one] as const))(
    'run %s with a command that there is, from the image of this version',
    async (_name, { args, command, image }) => {
      expect(image).toBe(`localhost/locum:${VERSION}`);
      const commands = command === undefined ? [args ?? []] : locumIn(command.at(-1) ?? '');
      expect(commands.length).toBeGreaterThan(0);
      for (const words of commands) expect(await unknownWords(words)).toEqual([]);
    },
  );

  it('set the controllers up as their configuration takes it: with TLS, a wrapping key and client certificates of etcd', () => {
    const [controller] = podOf(controllers).spec.containers;
    const scratch = mkdtempSync(join(tmpdir(), 'locum-manifests-'));
    try {
      for (const name of ['ca.crt', 'tls.crt', 'tls.key']) writeFileSync(join(scratch, name), name);
      const named = (controller?.env ?? []).flatMap(({ name, value }) => (value === undefined ? [] : [[name, value]]));
      const here = named.map(([name = '', value = '']) => [name, value.replace('/etc/locum/etcd', scratch)]);
      const flags = { apiListen: '0.0.0.0:7400', agentListen: '0.0.0.0:7401' };
      for (const [field, value] of Object.entries(flags))
        expect(controller?.args).toContain(
          `--${field.replace(/[A-Z]/, (letter) => `-${letter.toLowerCase()}`)}=${value}`,
        );
      const settings = loadControllerSettings({ flags, env: Object.fromEntries(here) });
      expect(settings.tls).toEqual({ wrappingKeyFile: '/etc/locum/wrapping/wrapping.key' });
      expect(settings.etcdAccess?.tls).toEqual({ ca: 'ca.crt', cert: 'tls.crt', key: 'tls.key' });
    } finally {
      rmSync(scratch, { recursive: true });
    }
  });

  it('probe the controllers in a way that works with TLS, and let nobody restart a keeper', () => {
    const [controller] = podOf(controllers).spec.containers;
    const page = (path: string) => ({ httpGet: { path, port: 'api', scheme: 'HTTPS' } });
    expect(controller?.startupProbe).toMatchObject(page('/livez'));
    expect(controller?.livenessProbe).toMatchObject(page('/livez'));
    expect(controller?.readinessProbe).toMatchObject(page('/readyz'));
    const [keeper] = podOf(agents).spec.containers;
    expect([keeper?.livenessProbe, keeper?.startupProbe]).toEqual([undefined, undefined]);
  });

  it('limit the memory of each container, let none write to its own files, and give secrets to their owner', () => {
    for (const { name, resources, securityContext } of containers) {
      expect(resources?.limits?.memory, name).toMatch(/^\d+[MG]i$/);
      expect(securityContext?.readOnlyRootFilesystem, name).toBe(true);
    }
    const secrets = [controllers, agents]
      .flatMap((one) => podOf(one).spec.volumes ?? [])
      .flatMap(({ secret = [] }) => secret);
    expect(secrets).toEqual(
      ['locum-etcd', 'locum-wrapping-key', 'locum-enroller'].map((secretName) => ({ secretName, defaultMode: 0o400 })),
    );
  });

  it('find each other: labels, the name of the service, the addresses that agents dial', () => {
    for (const one of [controllers, agents]) {
      expect(podOf(one).metadata.labels).toEqual(one.spec.selector?.matchLabels);
    }
    const service = find('Service', present(controllers.spec.serviceName, 'it has a service'));
    expect(service.spec.clusterIP).toBe('None');
    expect(service.spec.selector).toEqual(podOf(controllers).metadata.labels);
    const ports = present(service.spec.ports, 'it has ports').map(({ port }) => port);
    const [joining, agent] = podOf(agents).spec.initContainers ?? [];
    const dialled = agent?.args?.find((word) => word.startsWith('--controllers='))?.slice('--controllers='.length);
    const names = Array.from(
      { length: controllers.spec.replicas ?? 0 },
      (_, i) => `controller-${i}.controllers.locum.svc`,
    );
    expect(names).toHaveLength(3);
    expect(dialled).toBe(names.map((name) => `${name}:${ports[1]}`).join(','));
    const asked = joining?.env?.find(({ name }) => name === 'LOCUM_ADDRESS')?.value;
    expect(asked).toBe(names.map((name) => `${name}:${ports[0]}`).join(','));
    const [controller] = podOf(controllers).spec.containers;
    expect(controller?.args).toContain(`--agent-advertise=$(POD).controllers.locum.svc:${ports[1]}`);
  });

  it('let the agent outlive the keeper, in the same folder, where it can see its processes', () => {
    const { initContainers = [], containers: main, shareProcessNamespace } = podOf(agents).spec;
    expect(main.map(({ name }) => name)).toEqual(['keeper']);
    // A sidecar: stopped after the containers that are none. The host has joined before.
    expect(initContainers.map(({ name, restartPolicy }) => [name, restartPolicy])).toEqual([
      ['join', undefined],
      ['agent', 'Always'],
    ]);
    for (const one of [...initContainers, ...main])
      expect(one.volumeMounts).toContainEqual({ name: 'state', mountPath: '/var/lib/locum-agent' });
    expect(initContainers[1]?.args).toContain('--external-keeper');
    expect(shareProcessNamespace).toBe(true);
  });

  it('leave a node whose agent was updated the time to be given work, before the next one loses its own', () => {
    const { minReadySeconds, updateStrategy } = agents.spec;
    expect(updateStrategy?.rollingUpdate.maxUnavailable).toBe(1);
    // With nothing between two nodes, two of three were away at once: an agent was taken back 5 s after its pod had been ready.
    expect(minReadySeconds).toBeGreaterThanOrEqual(10);
  });

  it('give the controllers no right that they do not need', () => {
    const { securityContext, containers: all } = podOf(controllers).spec;
    expect(securityContext).toMatchObject({
      ...{ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      // Else its group may write its keys from the second start on, and it does not start.
      fsGroupChangePolicy: 'OnRootMismatch',
    });
    for (const one of all) {
      expect(one.securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
    }
  });
});
