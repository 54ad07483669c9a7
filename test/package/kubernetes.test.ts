/** The manifests for Kubernetes: that they fit each other, the command line and what a stop has to leave. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { present } from '../../shared/assert.ts';
import { VERSION } from './built-packages.ts';
import { unknownWords } from './known-command.ts';

interface Container {
  readonly name: string;
  readonly image: string;
  readonly args: readonly string[];
  readonly restartPolicy?: string;
  readonly securityContext?: object;
  readonly volumeMounts: readonly object[];
}
interface PodSpec {
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly securityContext?: object;
  readonly shareProcessNamespace?: boolean;
}
interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec: {
    readonly replicas?: number;
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

describe('the manifests for Kubernetes', () => {
  it('are YAML without an error, all in one namespace', () => {
    expect(documents.flatMap(({ errors, warnings }) => [...errors, ...warnings])).toEqual([]);
    const spaces = manifests.filter(({ kind }) => kind !== 'Namespace').map(({ metadata }) => metadata.namespace);
    expect(new Set(spaces)).toEqual(new Set(['locum']));
  });

  it.each(containers.map((one) => [one.name, one] as const))(
    'run %s with a command that there is, from the image of this version',
    async (_name, { args, image }) => {
      expect(image).toBe(`localhost/locum:${VERSION}`);
      expect(await unknownWords(args)).toEqual([]);
    },
  );

  it('find each other: labels, the name of the service, the addresses that agents dial', () => {
    for (const one of [controllers, agents]) {
      expect(podOf(one).metadata.labels).toEqual(one.spec.selector?.matchLabels);
    }
    const service = find('Service', present(controllers.spec.serviceName, 'it has a service'));
    expect(service.spec.clusterIP).toBe('None');
    expect(service.spec.selector).toEqual(podOf(controllers).metadata.labels);
    const ports = present(service.spec.ports, 'it has ports').map(({ port }) => port);
    const [agent] = podOf(agents).spec.initContainers ?? [];
    const dialled = agent?.args.find((word) => word.startsWith('--controllers='))?.slice('--controllers='.length);
    const names = Array.from(
      { length: controllers.spec.replicas ?? 0 },
      (_, i) => `controller-${i}.controllers.locum.svc`,
    );
    expect(names).toHaveLength(3);
    expect(dialled).toBe(names.map((name) => `${name}:${ports[1]}`).join(','));
    const [controller] = podOf(controllers).spec.containers;
    expect(controller?.args).toContain(`--agent-advertise=$(POD).controllers.locum.svc:${ports[1]}`);
  });

  it('let the agent outlive the keeper, in the same folder, where it can see its processes', () => {
    const { initContainers = [], containers: main, shareProcessNamespace } = podOf(agents).spec;
    expect(main.map(({ name }) => name)).toEqual(['keeper']);
    // A sidecar: stopped after the containers that are none.
    expect(initContainers.map(({ name, restartPolicy }) => [name, restartPolicy])).toEqual([['agent', 'Always']]);
    expect(initContainers[0]?.volumeMounts).toEqual(main[0]?.volumeMounts);
    expect(initContainers[0]?.args).toContain('--external-keeper');
    expect(shareProcessNamespace).toBe(true);
  });

  it('give the controllers no right that they do not need', () => {
    const { securityContext, containers: all } = podOf(controllers).spec;
    expect(securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
    for (const one of all) {
      expect(one.securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
    }
  });
});
