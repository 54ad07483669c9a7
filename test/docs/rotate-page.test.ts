/** The commands of docs/tasks.md that change the certificate authority, in their order, on a controller with TLS and a host that joined. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { present } from '../../shared/assert.ts';
import { LOCUM, runLocum } from '../e2e/locum-command.ts';
import { commandsOf, wordsOf } from './shell-blocks.ts';

const TIMEOUT_MS = 120_000;
const PATIENCE_MS = 60_000;

let folder = '';
let api = '';
const processes: ChildProcess[] = [];
const at = (name: string): string => join(folder, name);
const asAdministrator = (words: readonly string[]) => runLocum(api, words, { env: { LOCUM_DATA_DIR: at('c1') } });

async function until(what: string, look: () => Promise<boolean>): Promise<void> {
  for (const giveUpAt = performance.now() + PATIENCE_MS; performance.now() < giveUpAt; await sleep(200))
    if (await look()) return;
  throw new Error(`did not happen: ${what}`);
}

function start(...words: readonly string[]): ChildProcess {
  const child = spawn(process.execPath, [LOCUM, ...words, '--log-format', 'json'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  processes.push(child);
  return child;
}

/** Resolves with the address of its API, from its log. */
function ready(controller: ChildProcess): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const log: string[] = [];
  createInterface({ input: present(controller.stderr, 'it has a log') }).on('line', (text) => {
    log.push(text);
    const { msg, apiAddress = '' } = JSON.parse(text) as { readonly msg: string; readonly apiAddress?: string };
    if (msg === 'controller is ready') resolve(apiAddress);
  });
  controller.once('exit', (code) => reject(new Error(`ended with ${code}: ${log.join('\n')}`)));
  return promise;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'locum-rotate-'));
  const anyPort = ['--api-listen', '127.0.0.1:0', '--agent-listen', '127.0.0.1:0'];
  api = await ready(start('controller', '--tls', '--data-dir', at('c1'), ...anyPort));
  const line = (await asAdministrator(['token', 'create', '--for', 'server/web-1'])).stdout.trim();
  const joined = await runLocum(api, [...line.split(' ').slice(1), '--state-dir', at('web-1')]);
  if (joined.code !== 0) throw new Error(joined.stderr);
  // Nobody reads what it says.
  start('agent', '--state-dir', at('web-1'), '--machine-id', 'm-web-1').stderr?.resume();
  await until('the host is there', async () =>
    /web-1 .*ALIVE/.test((await asAdministrator(['server', 'list'])).stdout),
  );
}, TIMEOUT_MS);
afterAll(async () => {
  await runLocum(api, ['agent', 'leave', '--state-dir', at('web-1')]);
  for (const child of processes) child.kill('SIGTERM');
  await Promise.all(
    processes.map(async (child) => child.exitCode ?? new Promise((resolve) => child.once('exit', resolve))),
  );
  rmSync(folder, { recursive: true, force: true });
}, TIMEOUT_MS);

const SHOWN = commandsOf('docs/tasks.md').filter(({ text }) => text.startsWith('locum pki '));

it('each of them works where the page has it, with no more than a look at the status in between', {
  timeout: TIMEOUT_MS,
}, async () => {
  expect(SHOWN.length).toBeGreaterThan(6);
  for (const { text } of SHOWN) {
    const words = wordsOf(text).slice(1);
    const isStatus = text === 'locum pki status';
    await until(text, async () => {
      const { code, stdout, stderr } = await asAdministrator(words);
      if (isStatus) return /^(?:no change|all \d+ are ready)/m.test(stdout);
      expect(`${code} ${stderr}`).toMatch(/^0 /);
      return true;
    });
  }
  expect((await asAdministrator(['pki', 'status'])).stdout).toMatch(
    /^no change is under way \(since .*\)\nsha256:\S+ signs/,
  );
});
