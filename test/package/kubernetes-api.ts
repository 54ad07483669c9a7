/** A real API server of Kubernetes on an etcd of its own, without nodes: it takes manifests, or says what is wrong with them. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as passed } from 'node:timers/promises';
import { freePort } from '../../cli/dev/ports.ts';
import { present } from '../../shared/assert.ts';
import { ROOT } from '../e2e/locum-command.ts';
import { EtcdCluster, etcdMissing } from '../store/etcd-cluster.ts';
import { kubernetesProgram } from './kubernetes-programs.ts';

const PROGRAMS = ['kube-apiserver', 'kubectl'] as const;
const READY_LIMIT_MS = 120_000;
const TOKEN = 'administrator';

/** Why there can be none here. */
export function apiServerObstacle(): string | undefined {
  if (PROGRAMS.some((name) => kubernetesProgram(name) === undefined)) {
    return 'no API server of Kubernetes was built; `node scripts/kubernetes-tool.ts` does, in 10 minutes or more';
  }
  return etcdMissing();
}

export interface Said {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class ApiServer {
  readonly folder: string;
  readonly #etcd: EtcdCluster;
  readonly #process: ChildProcess;

  private constructor(folder: string, etcd: EtcdCluster, process: ChildProcess) {
    this.folder = folder;
    this.#etcd = etcd;
    this.#process = process;
  }

  /** Starts one and waits until it is ready. Close it in the end. */
  static async start(): Promise<ApiServer> {
    const folder = mkdtempSync(join(tmpdir(), 'locum-kubernetes-'));
    const file = (name: string): string => join(folder, name);
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    writeFileSync(file('accounts.key'), privateKey.export({ type: 'pkcs8', format: 'pem' }));
    writeFileSync(file('accounts.pub'), publicKey.export({ type: 'spki', format: 'pem' }));
    writeFileSync(file('tokens.csv'), `${TOKEN},administrator,1,"system:masters"\n`);
    const [etcd, port] = [await EtcdCluster.start({ members: 1 }), await freePort()];
    const log = openSync(file('log'), 'w');
    const words = [
      ...['--etcd-servers', etcd.endpoints.map((endpoint) => `http://${endpoint}`).join(',')],
      ...['--bind-address', '127.0.0.1', '--secure-port', `${port}`, '--cert-dir', file('certificates')],
      // Of no use without nodes, but asked for; a machine without a network has none by itself.
      ...['--advertise-address', '192.0.2.1', '--endpoint-reconciler-type', 'none'],
      ...['--service-cluster-ip-range', '10.96.0.0/24', '--service-account-issuer', 'https://kubernetes'],
      ...[
        '--service-account-key-file',
        file('accounts.pub'),
        '--service-account-signing-key-file',
        file('accounts.key'),
      ],
      ...['--authorization-mode', 'Node,RBAC', '--token-auth-file', file('tokens.csv'), '--allow-privileged'],
    ];
    const program = present(kubernetesProgram('kube-apiserver'), 'it was built');
    const started = spawn(program, words, { stdio: ['ignore', log, log] });
    closeSync(log);
    const server = new ApiServer(folder, etcd, started);
    server.#placeCommands(port);
    try {
      await server.#ready();
    } catch (error) {
      await server.close();
      throw error;
    }
    return server;
  }

  /** `kubectl` and `locum`, as people have them on their PATH. */
  #placeCommands(port: number): void {
    const bin = join(this.folder, 'bin');
    mkdirSync(bin);
    symlinkSync(present(kubernetesProgram('kubectl'), 'it was built'), join(bin, 'kubectl'));
    const locum = `#!/bin/sh\nexec '${process.execPath}' '${join(ROOT, 'bin/locum.js')}' "$@"\n`;
    writeFileSync(join(bin, 'locum'), locum, { mode: 0o755 });
    const named = (kind: string, value: object) => ({ [`${kind}s`]: [{ name: 'it', [kind]: value }] });
    const config = {
      ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'it' },
      // The certificate is its own, and not there before it started.
      ...named('cluster', { server: `https://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true }),
      ...named('context', { cluster: 'it', user: 'it' }),
      ...named('user', { token: TOKEN }),
    };
    writeFileSync(join(this.folder, 'kubeconfig'), JSON.stringify(config));
  }

  async #ready(): Promise<void> {
    const until = performance.now() + READY_LIMIT_MS;
    while (this.sh('kubectl get --raw /readyz').status !== 0) {
      if (this.#process.exitCode !== null || performance.now() > until) {
        throw new Error(`no API server:\n${readFileSync(join(this.folder, 'log'), 'utf8').slice(-4_000)}`);
      }
      await passed(250);
    }
  }

  /** Runs lines of a shell as the administrator of this cluster, until one fails, in its folder. */
  readonly sh = (lines: string): Said => {
    const path = `${join(this.folder, 'bin')}${delimiter}${process.env['PATH']}`;
    const env = { ...process.env, PATH: path, HOME: this.folder, KUBECONFIG: join(this.folder, 'kubeconfig') };
    const { status, stdout, stderr } = spawnSync('sh', ['-ec', lines], {
      cwd: this.folder,
      env,
      encoding: 'utf8',
      timeout: 60_000,
    });
    return { status, stdout, stderr };
  };

  async close(): Promise<void> {
    if (this.#process.exitCode === null && this.#process.kill('SIGKILL')) await once(this.#process, 'exit');
    await this.#etcd.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
