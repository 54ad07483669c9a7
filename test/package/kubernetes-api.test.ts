/** The manifests for Kubernetes, and the commands with which docs/install.md applies them, against a real API server. */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { present } from '../../shared/assert.ts';
import { ROOT } from '../e2e/locum-command.ts';
import { blocksBelow } from './install-page.ts';
import { ApiServer, apiServerObstacle } from './kubernetes-api.ts';

const TIMEOUT_MS = 240_000;
const MANIFESTS = join(ROOT, 'deploy/kubernetes');

/** A pod as its controller would make it, by itself. */
function podOf(file: string, kind: string): object {
  const documents = parseAllDocuments(readFileSync(join(MANIFESTS, file), 'utf8')).map((one) => one.toJS());
  const { template, volumeClaimTemplates = [] } = present(
    documents.find((one) => one.kind === kind),
    kind,
  ).spec;
  const claimed = volumeClaimTemplates.map(({ metadata }: { metadata: { name: string } }) => ({
    name: metadata.name,
    persistentVolumeClaim: { claimName: metadata.name },
  }));
  const spec = { ...template.spec, volumes: [...template.spec.volumes, ...claimed] };
  return { apiVersion: 'v1', kind: 'Pod', metadata: { ...template.metadata, name: 'tried' }, spec };
}

describe('an API server of Kubernetes', () => {
  let server: ApiServer | undefined;
  afterAll(() => server?.close());

  /** One for all tests, in whose folder are the manifests, what the page takes for granted, and our pods, each in a file. */
  async function provideServer(): Promise<ApiServer> {
    if (server !== undefined) return server;
    server = await ApiServer.start();
    const { folder } = server;
    mkdirSync(join(folder, 'deploy'));
    cpSync(MANIFESTS, join(folder, 'deploy/kubernetes'), { recursive: true });
    for (const name of ['ca.crt', 'tls.crt', 'tls.key', 'token']) writeFileSync(join(folder, name), name);
    writeFileSync(join(folder, 'controller.json'), JSON.stringify(podOf('controllers.yaml', 'StatefulSet')));
    writeFileSync(join(folder, 'agent.json'), JSON.stringify(podOf('agents.yaml', 'DaemonSet')));
    return server;
  }

  it('takes all that the page applies, without a word against it, and the pods that come of it', {
    timeout: TIMEOUT_MS,
  }, async (ctx) => {
    const obstacle = apiServerObstacle();
    if (obstacle !== undefined) ctx.skip(obstacle);
    const { sh } = await provideServer();
    const [controllers = '', agents = ''] = blocksBelow('Kubernetes');
    // There are no nodes, so nothing can be run in a controller.
    const applied = agents.split('\n').filter((line) => !line.includes(' exec '));
    for (const lines of [controllers, applied.join('\n')]) {
      const { status, stderr } = sh(lines);
      expect(stderr).not.toMatch(/warning|error/i);
      expect(status).toBe(0);
    }
    const made = sh('kubectl -n locum get statefulset,daemonset,service,configmap,secret,pdb,networkpolicy -o name');
    expect(made.stdout.split('\n').filter((name) => !['', 'configmap/kube-root-ca.crt'].includes(name))).toEqual([
      ...['statefulset.apps/controller', 'daemonset.apps/agent', 'service/controllers', 'service/locum'],
      ...['configmap/locum-controller', 'secret/locum-enroller', 'secret/locum-etcd', 'secret/locum-wrapping-key'],
      ...['poddisruptionbudget.policy/controller', 'networkpolicy.networking.k8s.io/controller'],
    ]);
    // Nobody but the server itself makes pods here, and without an account for them it refuses all.
    const pods = sh(
      `kubectl -n locum create serviceaccount default
       kubectl -n locum create --dry-run=server -f controller.json -f agent.json`,
    );
    expect(pods).toMatchObject({ status: 0, stderr: '' });
  });

  it('takes a controller below the strictest standard for pods, too, and no agent', {
    timeout: TIMEOUT_MS,
  }, async (ctx) => {
    const obstacle = apiServerObstacle();
    if (obstacle !== undefined) ctx.skip(obstacle);
    const { sh } = await provideServer();
    const controller = sh(
      `kubectl create namespace strict
       kubectl label namespace strict pod-security.kubernetes.io/enforce=restricted
       kubectl -n strict create serviceaccount default
       kubectl -n strict create --dry-run=server -f controller.json`,
    );
    expect(controller).toMatchObject({ status: 0, stderr: '' });
    expect(sh('kubectl -n strict create --dry-run=server -f agent.json').stderr).toContain('violates PodSecurity');
  });
});
