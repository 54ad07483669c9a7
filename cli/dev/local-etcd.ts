/** Three etcd members on this machine, for trying replicated controllers: `locum dev --controllers 3 --store etcd`. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { provideEtcd } from './etcd-binary.ts';
import { CLUSTER_MARK } from './host-processes.ts';
import { ManagedProcess } from './managed-process.ts';
import { freePorts } from './ports.ts';

const MEMBERS = 3;

export interface LocalEtcd {
  /** For `--store`. */
  readonly store: string;
  /** Where the program is from, in words. */
  readonly from: string;
  readonly members: readonly ManagedProcess[];
}

/** Starts the members; whoever marks them as its own ends them. Finds etcd on PATH, or builds it with Go, or installs Debian's. */
export async function startLocalEtcd(dataDir: string): Promise<LocalEtcd> {
  const { path, from } = provideEtcd();
  const ports = await freePorts(2 * MEMBERS);
  const url = (index: number): string => `http://127.0.0.1:${ports[index] ?? 0}`;
  const names = Array.from({ length: MEMBERS }, (_, i) => `etcd-${i + 1}`);
  const peers = names.map((name, i) => `${name}=${url(MEMBERS + i)}`).join(',');
  mkdirSync(join(dataDir, 'logs'), { recursive: true });
  const members = names.map((name, i) => {
    const clientUrls = ['--listen-client-urls', url(i), '--advertise-client-urls', url(i)];
    const peerUrls = ['--listen-peer-urls', url(MEMBERS + i), '--initial-advertise-peer-urls', url(MEMBERS + i)];
    const cluster = [
      '--initial-cluster',
      peers,
      '--initial-cluster-token',
      dataDir,
      '--logger',
      'zap',
      '--log-level',
      'warn',
    ];
    const argv = [path, '--name', name, '--data-dir', join(dataDir, name), ...clientUrls, ...peerUrls, ...cluster];
    const env = { ...process.env, [CLUSTER_MARK]: dataDir };
    return new ManagedProcess({ name, argv, env, logFile: join(dataDir, 'logs', `${name}.log`) });
  });
  const hosts = names.map((_, i) => `127.0.0.1:${ports[i] ?? 0}`).join(',');
  return { store: `etcd://${hosts}/locum-dev`, from, members };
}
