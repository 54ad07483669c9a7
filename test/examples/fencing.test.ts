import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createHttpServer, request as httpRequest } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findEtcd } from '../../cli/dev/etcd-binary.ts';

const examples = join(import.meta.dirname, '../../examples/fencing');

let folder: string;
let children: ChildProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'locum-fencing-'));
});
afterEach(async () => {
  for (const child of children) {
    const gone = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined;
    child.kill('SIGKILL');
    await gone;
  }
  children = [];
  rmSync(folder, { recursive: true });
});

/** Runs an example as the workload of an attempt: its exit code, and what it said. */
function workload(epoch: number | string, file: string, ...args: readonly string[]) {
  const env = { ...process.env, LOCUM_EPOCH: String(epoch), NODE_NO_WARNINGS: '1' };
  return new Promise<{ code: number | null; said: string }>((resolve) => {
    const child = execFile(process.execPath, [join(examples, file), ...args], { env }, (_, stdout, stderr) => {
      resolve({ code: child.exitCode, said: `${stdout}${stderr}`.trim() });
    });
  });
}

function background(program: string, args: readonly string[]): ChildProcess {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  children.push(child);
  return child;
}

/** Starts a server of the examples. */
async function serve(file: string, ...args: readonly string[]) {
  const { stdout } = background(process.execPath, [join(examples, file), '0', ...args]);
  if (stdout === null) throw new Error('its output is read');
  const lines = createInterface(stdout);
  const [port] = await once(lines, 'line');
  const said: string[] = [];
  lines.on('line', (line) => said.push(line));
  return { url: `http://127.0.0.1:${port}`, said };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = addressOf(server);
  server.close();
  return port;
}

function addressOf(server: Server): AddressInfo {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('it listens on a port');
  return address;
}

type Write = (epoch: number | string, what: string) => ReturnType<typeof workload>;

/** What is no epoch. The last one is a number that JavaScript can't tell from its neighbour. */
const NO_EPOCHS = ['', 'seven', '0', '-1', '11.5', '9007199254740993'];

/** The story of all of them: 7 writes, writes again, 10 takes over, 7 comes too late, and whoever has no epoch does not come at all. */
async function story(write: Write): Promise<void> {
  expect(await write(7, '100')).toMatchObject({ code: 0 });
  expect(await write(7, '200')).toMatchObject({ code: 0 });
  expect(await write(10, '300')).toMatchObject({ code: 0 });
  const late = await write(7, '400');
  expect(late.code).toBe(1);
  expect(late.said).toContain('epoch 7 is fenced off');
  for (const { code, said } of await Promise.all(NO_EPOCHS.map((wrong) => write(wrong, '500')))) {
    expect(code).toBe(1);
    expect(said).toContain('LOCUM_EPOCH is no positive integer');
  }
}

const RACERS = [18, 17, 16, 15, 14, 13, 12, 11];

/**
 * Writers of many epochs at once, the highest started first, so that without a fence a lower one would have the last word. Each
 * writes ten times its epoch. None may fail but by being fenced off, and the highest never is.
 */
async function race(write: Write): Promise<void> {
  const ended = await Promise.all(
    RACERS.map(async (epoch) => ({ epoch, ...(await write(epoch, String(epoch * 10))) })),
  );
  const odd = ended.filter(({ code, said }) => code !== 0 && !said.includes('is fenced off'));
  expect(odd).toEqual([]);
  expect(ended[0]).toMatchObject({ epoch: 18, code: 0 });
  expect(await write(11, '1')).toMatchObject({ code: 1 });
}

describe('a database', () => {
  const write =
    (file: string): Write =>
    (epoch, what) =>
      workload(epoch, 'sql.mjs', file, what);
  const row = async (file: string) => {
    const { DatabaseSync } = await import('node:sqlite');
    const db = new DatabaseSync(file);
    const found = { ...db.prepare('SELECT balance, fence FROM accounts').get() };
    db.close();
    return found;
  };

  it('refuses an epoch below the highest it has seen', async () => {
    const file = join(folder, 'accounts.sqlite');
    await story(write(file));
    expect(await row(file)).toEqual({ balance: 300, fence: 10 });
  });

  it('belongs to the highest epoch of many that write at once', async () => {
    const file = join(folder, 'accounts.sqlite');
    await race(write(file));
    expect(await row(file)).toEqual({ balance: 180, fence: 18 });
  });
});

describe('an object store', () => {
  const write =
    (url: string): Write =>
    (epoch, what) =>
      workload(epoch, 'object-store.mjs', url, what);
  const open = async () => `${(await serve('object-store-server.mjs')).url}/state.json`;
  const read = async (url: string) => (await fetch(url)).json();

  it('refuses an epoch below the highest it has seen', async () => {
    const url = await open();
    await story(write(url));
    expect(await read(url)).toEqual({ fence: 10, text: '300' });
  });

  it('belongs to the highest epoch of many that write at once', async () => {
    const url = await open();
    await race(write(url));
    expect(await read(url)).toEqual({ fence: 18, text: '180' });
  });

  it.each([
    ['an object that is there', true],
    ['no object yet', false],
  ])('refuses a writer that found %s and was overtaken between its read and its write', async (_, there) => {
    const url = await open();
    if (there) await write(url)(6, 'first');
    // Stands between the older writer and the store, and gives the store's first answer back only when a later epoch has written.
    let overtaking: ReturnType<typeof workload> | undefined;
    const between = createHttpServer((request, response) => {
      const onward = httpRequest(url, { method: request.method, headers: request.headers }, (answer) => {
        overtaking ??= write(url)(8, 'by 8');
        void overtaking.then(() => {
          response.writeHead(answer.statusCode ?? 500, answer.headers);
          answer.pipe(response);
        });
      });
      request.pipe(onward);
    }).listen(0, '127.0.0.1');
    await once(between, 'listening');
    const { port } = addressOf(between);
    const late = await write(`http://127.0.0.1:${port}/state.json`)(7, 'by 7');
    between.closeAllConnections();
    between.close();
    expect(await overtaking).toMatchObject({ code: 0 });
    expect(late).toMatchObject({ code: 1, said: 'epoch 7 is fenced off: epoch 8 has written' });
    expect(await read(url)).toEqual({ fence: 8, text: 'by 8' });
  });

  it('that fails is not taken for an empty one', async () => {
    const broken = createHttpServer((_, response) => response.writeHead(503).end()).listen(0, '127.0.0.1');
    await once(broken, 'listening');
    const { code, said } = await write(`http://127.0.0.1:${addressOf(broken).port}/state.json`)(7, 'x');
    broken.closeAllConnections();
    broken.close();
    expect(code).toBe(1);
    expect(said).toContain('the store answered 503');
  });
});

describe('a service that looks at a header', () => {
  const write =
    (url: string): Write =>
    (epoch, what) =>
      workload(epoch, 'http-header.mjs', url, what);

  it('refuses an epoch below the highest it has seen, and still knows after its restart', async () => {
    const file = join(folder, 'fence');
    const first = await serve('http-header-server.mjs', file);
    await story(write(first.url));
    expect(readFileSync(file, 'utf8')).toBe('10');
    const again = await serve('http-header-server.mjs', file);
    expect(await write(again.url)(9, 'x')).toMatchObject({ code: 1 });
    expect(again.said).toEqual([]);
    for (const wrong of ['', '0', '-1', 'seven']) {
      const headers: Record<string, string> = wrong === '' ? {} : { 'x-locum-epoch': wrong };
      expect((await fetch(again.url, { method: 'POST', body: 'x', headers })).status).toBe(400);
    }
  });

  it('does nothing for a lower epoch once it has done something for a higher one, however many ask at once', async () => {
    const { url, said } = await serve('http-header-server.mjs', join(folder, 'fence'));
    await race(write(url));
    const epochs = said.map((line) => Number(/^epoch (\d+): /.exec(line)?.[1]));
    expect(epochs.at(-1)).toBe(18);
    expect(epochs).toEqual(epochs.toSorted((a, b) => a - b));
  });

  it('refuses a request that was on its way while a later epoch came', async () => {
    const { url, said } = await serve('http-header-server.mjs', join(folder, 'fence'));
    const slow = httpRequest(url, { method: 'POST', headers: { 'x-locum-epoch': '7' } });
    slow.write('half of ');
    await write(url)(8, 'all of it');
    slow.end('it');
    const [answer] = await once(slow, 'response');
    answer.resume();
    expect(answer.statusCode).toBe(409);
    expect(said).toEqual(['epoch 8: all of it']);
  });
});

describe('etcd', () => {
  /** A member of its own, once it answers. Undefined: there is no etcd here. */
  async function open(): Promise<string | undefined> {
    const etcd = findEtcd();
    if (etcd === undefined) return undefined;
    const [client, peer] = [`http://127.0.0.1:${await freePort()}`, `http://127.0.0.1:${await freePort()}`];
    const listen = ['--listen-client-urls', client, '--advertise-client-urls', client, '--listen-peer-urls', peer];
    const alone = ['--initial-advertise-peer-urls', peer, '--initial-cluster', `default=${peer}`];
    background(etcd.path, ['--data-dir', join(folder, 'etcd'), ...listen, ...alone]);
    while (
      !(await read(client, 'x').then(
        () => true,
        () => false,
      ))
    )
      await sleep(50);
    return client;
  }

  async function read(client: string, key: string): Promise<string | undefined> {
    const body = JSON.stringify({ key: Buffer.from(key).toString('base64') });
    const answer = await fetch(`${client}/v3/kv/range`, { method: 'POST', body });
    if (!answer.ok) throw new Error(`etcd answered ${answer.status}`);
    const { kvs } = await answer.json();
    return kvs === undefined ? undefined : Buffer.from(kvs[0].value, 'base64').toString();
  }

  const write =
    (client: string): Write =>
    (epoch, what) =>
      workload(epoch, 'etcd.mjs', client, 'jobs/next', what);

  it('refuses an epoch below the highest it has seen', async (ctx) => {
    const client = await open();
    if (client === undefined) return ctx.skip('there is no etcd on this machine');
    await story(write(client));
    expect([await read(client, 'jobs/next'), await read(client, 'fence/jobs/next')]).toEqual([
      '300',
      '0000000000000010',
    ]);
  });

  it('belongs to the highest epoch of many that write at once', async (ctx) => {
    const client = await open();
    if (client === undefined) return ctx.skip('there is no etcd on this machine');
    await race(write(client));
    expect(await read(client, 'jobs/next')).toBe('180');
  });
});
