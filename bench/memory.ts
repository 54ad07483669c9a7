/**
 * `npm run bench -- memory [runs] [agents]`: resident memory of one host's agent and keeper with that many runs (default 10), as processes of
 * their own against a real controller. Goal: keeper at most 60 MiB, agent at most 90 MiB. Then what each of so many idle agents (default
 * 1,000) takes of a controller's memory (`idle-memory.ts`).
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { printIdleMemory } from './idle-memory.ts';

const LOCUM = join(import.meta.dirname, '../bin/locum.js');
const PATIENCE_MS = 60_000;
/** What is loaded or compiled late has happened by then, and what a start needed is collected. */
const SETTLE_MS = 20_000;
/** The first start is connected by then, so that all of its code is loaded. */
const WARM_UP_MS = 5_000;

/** As the units in deploy/systemd start an agent. */
const AGENT_FLAGS = [
  ...['--max-semi-space-size=1', '--single-threaded-gc', '--v8-pool-size=1', '--optimize-for-size'],
  ...['--no-opt', '--no-maglev'],
];

const [runs = 10, agents = 1_000] = process.argv.slice(2).map(Number);
const folder = mkdtempSync(join(tmpdir(), 'locum-memory-'));
const stateDir = join(folder, 'agent');
const children: ChildProcess[] = [];
try {
  await measure();
} finally {
  for (const child of children) child.kill('SIGKILL');
  endKeeper();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
await printIdleMemory(agents);

async function measure(): Promise<void> {
  const [api, agentPort] = [await freePort(), await freePort()];
  const store = `sqlite:${join(folder, 'store.sqlite')}`;
  start(
    'controller',
    '--open',
    '--store',
    store,
    '--api-listen',
    `127.0.0.1:${api}`,
    '--agent-listen',
    `127.0.0.1:${agentPort}`,
  );
  const call = async (method: string, body: object): Promise<Record<string, unknown>> => {
    const response = await fetch(`http://127.0.0.1:${api}/locum.v1.${method}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${method}: ${await response.text()}`);
    return (await response.json()) as Record<string, unknown>;
  };
  await until('the controller', () => call('RunService/ListRuns', {}));
  const words = ['agent', '--server', 'host-1', '--controllers', `127.0.0.1:${agentPort}`, '--state-dir', stateDir];
  await warmUp(words);
  const agent = start(...words);
  for (let i = 0; i < runs; i += 1) {
    const workload = { script: { text: 'while :; do echo tick; sleep 1; done' } };
    await call('PolicyService/CreatePolicy', { policy: { name: `policies/job-${i}`, workload } });
  }
  await until(`${runs} runs`, async () => {
    const { runs: listed = [] } = await call('RunService/ListRuns', {});
    const states = (listed as { readonly state?: string }[]).map(({ state }) => state);
    if (states.filter((state) => state === 'RUN_STATE_RUNNING').length < runs) throw new Error(states.join(' '));
  });
  await sleep(SETTLE_MS);
  console.log(`with ${runs} runs, resident:`);
  console.log(`  agent   ${mebibytes(agent.pid ?? 0)}   (goal 90)`);
  console.log(`  keeper  ${mebibytes(keeperPid())}   (goal 60)`);
}

/**
 * A first start, as a host's shutdown ends it. It leaves its compiled code behind as it ends; until then a checkout's processes also hold
 * what strips the types of their source (10 to 15 MiB).
 */
async function warmUp(words: readonly string[]): Promise<void> {
  const agent = start(...words);
  await until('the first agent', async () => readFileSync(join(stateDir, 'keeper.pid')));
  await sleep(WARM_UP_MS);
  agent.kill('SIGTERM');
  await until('its end', async () => assert(agent.exitCode !== null));
  const keeper = keeperPid();
  endKeeper();
  await until("its keeper's end", async () => assert(!existsSync(`/proc/${keeper}`)));
}

function start(...words: readonly string[]): ChildProcess {
  const flags = words[0] === 'agent' ? AGENT_FLAGS : [];
  const env = { ...process.env, MALLOC_ARENA_MAX: '1' };
  const child = spawn(process.execPath, [...flags, LOCUM, ...words], { stdio: 'ignore', env });
  children.push(child);
  return child;
}

function keeperPid(): number {
  return Number.parseInt(readFileSync(join(stateDir, 'keeper.pid'), 'utf8'), 10);
}

/** It stops what it holds, as for a shutdown of the host; the agent is dead. */
function endKeeper(): void {
  try {
    process.kill(keeperPid(), 'SIGTERM');
  } catch {
    // There is none.
  }
}

/** All of it, and how much is its own: the rest is of Node's program file, which the two share in memory. */
function mebibytes(pid: number): string {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const of = (name: string): string => {
    const kib = Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]);
    return (kib / 1024).toFixed(1).padStart(6);
  };
  return `${of('VmRSS')} MiB, its own ${of('RssAnon')} MiB`;
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

async function until(what: string, look: () => Promise<unknown>): Promise<void> {
  const giveUpAt = performance.now() + PATIENCE_MS;
  for (let problem: unknown; ; ) {
    try {
      await look();
      return;
    } catch (error) {
      problem = error;
    }
    if (performance.now() > giveUpAt) throw new Error(`waited in vain for ${what}: ${String(problem)}`);
    await sleep(200);
  }
}
