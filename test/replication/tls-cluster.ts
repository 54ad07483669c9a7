/** Controllers on etcd that speak TLS, agents that joined with the line that they print, and an administrator who has the command line. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { CLUSTER_MARK, clearProcesses, killProcess, processesOf } from '../../cli/dev/host-processes.ts';
import { ManagedProcess } from '../../cli/dev/managed-process.ts';
import { freePort } from '../../cli/dev/ports.ts';
import { LOCAL_ROOTS_FILE, LOCAL_TOKEN_FILE } from '../../shared/access/local-files.ts';
import { present } from '../../shared/assert.ts';
import { LOCUM, runLocum } from '../e2e/locum-command.ts';
import { EtcdCluster } from '../store/etcd-cluster.ts';
import { untilAnswered } from './until-answered.ts';

const PATIENCE_MS = 60_000;
/** Elections within two seconds, heartbeats each second. */
const QUICK = `election_ttl: 2s
initial_timers: { heartbeat_interval: 1s, suspect_after: 4s, lease: 9s, stop_timeout: 2s, kill_guard: 1s, missing_after: 15s }
`;

interface Place {
  readonly api: string;
  readonly agent: string;
}

export class TlsCluster {
  readonly etcd: EtcdCluster;
  readonly folder: string;
  readonly #places: ReadonlyMap<string, Place>;
  readonly #processes = new Map<string, ManagedProcess>();
  /** Controller that the administrator asks; its host is his. */
  admin: string;

  private constructor(etcd: EtcdCluster, folder: string, places: ReadonlyMap<string, Place>) {
    this.etcd = etcd;
    this.folder = folder;
    this.#places = places;
    [this.admin = ''] = places.keys();
  }

  /** `prepare` makes what their configuration names, and answers with its lines for each. */
  static async start(ids: readonly string[], prepare: (folder: string, id: string) => string): Promise<TlsCluster> {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), 'locum-tls-cluster-')));
    const etcd = await EtcdCluster.start({ members: 1 });
    const places = new Map<string, Place>();
    for (const id of ids)
      places.set(id, { api: `127.0.0.1:${await freePort()}`, agent: `127.0.0.1:${await freePort()}` });
    const cluster = new TlsCluster(etcd, folder, places);
    mkdirSync(cluster.at('logs'));
    for (const id of ids) writeFileSync(cluster.at(`${id}.yaml`), QUICK + prepare(folder, id));
    for (const id of ids) cluster.startController(id);
    for (const id of ids) await cluster.ready(id);
    return cluster;
  }

  at(...parts: readonly string[]): string {
    return join(this.folder, ...parts);
  }

  /** `more`: flags that go before its own. */
  startController(id: string, ...more: readonly string[]): void {
    const { api, agent } = present(this.#places.get(id), `the place of ${id}`);
    const store = `etcd://${this.etcd.endpoints.join(',')}/locum`;
    const own = ['--config', this.at(`${id}.yaml`), '--store', store, '--id', id, '--data-dir', this.at(id)];
    this.#spawn(id, ['controller', ...own, '--api-listen', api, '--agent-listen', agent, ...more]);
  }

  /** Waits until a controller answers its own administrator. */
  async ready(id: string): Promise<void> {
    await this.until(`${id} answers`, async () => ((await this.#run(id, ['status'])).code === 0 ? true : undefined));
  }

  startAgent(server: string): void {
    this.#spawn(server, ['agent', '--state-dir', this.at(server), '--machine-id', `m-${server}`]);
  }

  /** With the line of a token, as it is printed. */
  async join(server: string, line?: string): Promise<void> {
    const printed = line ?? (await this.joinLine(server));
    const [, , , ...words] = printed.trim().split(' ');
    const done = await runLocum('127.0.0.1:1', ['agent', 'join', ...words, '--state-dir', this.at(server)]);
    if (done.code !== 0) throw new Error(`${printed}: ${done.stderr}`);
  }

  joinLine(server: string): Promise<string> {
    return this.locum('token', 'create', '--for', `server/${server}`);
  }

  /** What a command prints. Rejects with what it complains of. */
  async locum(...words: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.#run(this.admin, words);
    if (code !== 0) throw new Error(`locum ${words.join(' ')}: ${stderr}`);
    return stdout;
  }

  /** What a command prints that asks no controller. Rejects with what it complains of. */
  async locumAlone(...words: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await runLocum('127.0.0.1:1', words);
    if (code !== 0) throw new Error(`locum ${words.join(' ')}: ${stderr}`);
    return stdout;
  }

  /** Why a command was refused. */
  async refusal(...words: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.#run(this.admin, words);
    if (code === 0) throw new Error(`locum ${words.join(' ')} was not refused: ${stdout}`);
    return stderr;
  }

  /** As the administrator of its host, whose files are the controller's. */
  #run(id: string, words: readonly string[]) {
    const { api } = present(this.#places.get(id), `the place of ${id}`);
    const files = ['--token-file', this.at(id, LOCAL_TOKEN_FILE), '--ca-file', this.at(id, LOCAL_ROOTS_FILE)];
    return runLocum(api, [...words, ...files]);
  }

  /** What `pki status` says, once it is like this. */
  pkiStatus(what: string, isSo: (said: string) => boolean): Promise<string> {
    return this.until(what, async () => {
      const said = await this.locum('pki', 'status');
      if (isSo(said)) return said;
      throw new Error(said);
    });
  }

  apiOf(id: string): string {
    return present(this.#places.get(id), `the place of ${id}`).api;
  }

  process(name: string): ManagedProcess {
    return present(this.#processes.get(name), `the process of ${name}`);
  }

  async kill(name: string): Promise<void> {
    this.process(name).signal('SIGKILL');
    await this.process(name).exited;
  }

  async stop(name: string): Promise<void> {
    await this.process(name).stop({ timeoutMs: 20_000 });
  }

  log(name: string): string {
    return readFileSync(this.at('logs', `${name}.log`), 'utf8');
  }

  /** All files below the folder but those of agents' and controllers' keys. */
  texts(folder = this.folder): readonly string[] {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
  }

  until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
    return untilAnswered(what, look, { patienceMs: PATIENCE_MS, everyMs: 100 });
  }

  async close(): Promise<void> {
    for (const process of this.#processes.values()) process.signal('SIGKILL');
    for (const { pid } of processesOf(this.folder)) killProcess(pid);
    await clearProcesses(this.folder, { waitMs: 0 });
    await this.etcd.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #spawn(name: string, words: readonly string[]): void {
    const process_ = new ManagedProcess({
      name,
      argv: [process.execPath, LOCUM, ...words],
      env: {
        ...process.env,
        PATH: `${dirname(process.execPath)}${delimiter}${process.env['PATH'] ?? ''}`,
        [CLUSTER_MARK]: this.folder,
      },
      logFile: this.at('logs', `${name}.log`),
    });
    this.#processes.set(name, process_);
  }
}
