/** `locum agent join`: what the line of `locum token create` does on the host that it is pasted on. */
import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadAgentSettings, serverIdFrom } from '../../agent/config.ts';
import { joinCluster } from '../../agent/enrolment/join.ts';
import { JoinError } from '../../agent/enrolment/join-error.ts';
import { CommandFailure } from '../exit-codes.ts';
import type { Globals } from '../globals.ts';
import { printLine } from '../output/print.ts';

export interface JoinCommandOptions {
  readonly token: string;
  readonly caHash: readonly string[];
  readonly server?: string;
  readonly pool?: string;
  readonly config?: string;
  readonly stateDir?: string;
  readonly tlsDir?: string;
}

/** Where a package puts the configuration of the agent that the units start. */
const PACKAGED_CONFIG = '/etc/locum/agent.yaml';

export async function joinHere(
  { output }: Pick<Globals, 'output'>,
  endpoints: readonly string[],
  options: JoinCommandOptions,
): Promise<void> {
  const { token, caHash, stateDir, tlsDir } = options;
  const config = options.config ?? (stateDir === undefined ? packagedConfig() : undefined);
  const flags = {
    ...(options.server === undefined ? {} : { server: options.server }),
    ...(options.pool === undefined ? {} : { pool: options.pool }),
    ...(stateDir === undefined ? {} : { stateDirectory: stateDir }),
    ...(tlsDir === undefined ? {} : { tlsDirectory: tlsDir }),
  };
  // A name or a pool that the file has is meant; the default of neither is.
  const settings = loadAgentSettings({ file: config, flags, env: process.env });
  const server = settings.server || serverIdFrom(hostname());
  try {
    const joined = await joinCluster({
      ...{ endpoints, token, caHashes: caHash, server, stateDir: settings.stateDir },
      pool: settings.pool === 'default' && options.pool === undefined ? undefined : settings.pool,
      tlsDir: settings.tlsDir ?? '',
      wait: (ms) => {
        console.error(`many hosts join just now: it is the turn of ${server} in ${Math.ceil(ms / 1_000)} s`);
        return sleep(ms);
      },
    });
    if (output === 'json') printLine(JSON.stringify({ ...joined, stateDir: settings.stateDir }));
    else for (const line of told(joined, config, options, tlsDir ?? settings.stateDir)) printLine(line);
  } catch (error) {
    if (error instanceof JoinError) throw new CommandFailure(`${error.message} (${error.reason})`);
    throw error;
  }
}

const packagedConfig = (): string | undefined =>
  process.getuid?.() === 0 && existsSync(PACKAGED_CONFIG) ? PACKAGED_CONFIG : undefined;

function told(
  { server, pool, clusterId, notAfterMs, isOld }: Awaited<ReturnType<typeof joinCluster>>,
  config: string | undefined,
  { stateDir, tlsDir }: JoinCommandOptions,
  folder: string,
): readonly string[] {
  const until = new Date(notAfterMs).toISOString();
  const did = isOld ? 'had joined already' : 'has joined';
  const folders = [
    ...(stateDir === undefined ? [] : ['--state-dir', stateDir]),
    ...(tlsDir === undefined ? [] : ['--tls-dir', tlsDir]),
  ];
  const start =
    config === undefined ? ['locum agent', ...folders].join(' ') : 'systemctl enable --now locum-keeper locum-agent';
  return [
    `${server} ${did}, in pool ${pool} of cluster ${clusterId}; its certificate, in ${folder}, lasts until ${until}.`,
    `Start it: ${start}`,
  ];
}
