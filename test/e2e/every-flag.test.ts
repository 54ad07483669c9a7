/**
 * Every verb of the command line, with every flag of it, against real programs. The lines that are typed are those of flag-lines.ts, and
 * of program-flags.ts, which program-flags.test.ts types; a flag that is in none of them turns the last test red, without exceptions.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Option } from 'commander';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SHORT } from '../../cli/dev/scaled-timers.ts';
import { nouns } from '../../cli/nouns.ts';
import { buildProgram } from '../../cli/program.ts';
import { Liveness } from '../../shared/gen/locum/v1/server_pb.ts';
import { runCaptured } from './captured-command.ts';
import { eventually, SETUP_TIMEOUT_MS, useCluster } from './cluster-fixture.ts';
import { commandTable } from './command-table.ts';
import { DEAD, FOLLOWED, GLOBALS, POLICIES, POOLS, RECORDS, RUNS, SERVERS } from './flag-lines.ts';
import { LinePlayer, nameIn } from './line-player.ts';
import { LOCUM } from './locum-command.ts';
import { PROGRAM_LINES } from './program-flags.ts';

const GROUP_TIMEOUT_MS = 120_000;

const BEFORE = `name: steady
labels: { team: x }
stop_timeout: 1s
workload: { command: { argv: [sleep, "86400"] } }
---
name: job
labels: { team: z }
servers: [a]
trigger: { on_demand: {} }
workload: { script: { text: 'echo "args: $*"' } }
---
name: sleeper
stop_timeout: 1s
trigger: { on_demand: {} }
workload: { command: { argv: [sleep, "86400"] } }
---
name: fails
restart: { delay: 0s, attempts: 1 }
trigger: { continuous: {} }
workload: { script: { text: 'echo broken; exit 1' } }
`;
const MORE =
  'name: more\nlabels: { team: y }\ntrigger: { on_demand: {} }\nworkload: { command: { argv: [sleep, "9"] } }\n';

describe('with every flag', () => {
  const folder = mkdtempSync(join(tmpdir(), 'locum-flags-'));
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const hooks = file(
    'controller.yaml',
    'hooks: [{ name: told, command: { argv: [/bin/true] }, only: { about: [policies/none] } }]\n',
  );
  const fixture = useCluster(['a', 'b', 'c'], SHORT, { controllerFlags: () => ['--open', '--config', hooks] });
  const call = (words: readonly string[]) =>
    runCaptured(fixture().cluster.address, words, { EDITOR: 'true', VISUAL: '' });

  beforeAll(async () => {
    file('more.yaml', MORE);
    for (const each of ['restored', 'again']) mkdirSync(join(folder, each));
    file('restored.yaml', `data_directory: ${join(folder, 'again')}\n`);
    await call(['policy', 'apply', '-f', file('before.yaml', BEFORE)]);
    await fixture().running('steady');
    await call(['policy', 'start', 'job', '--wait', '--', 'one', 'two']);
  }, SETUP_TIMEOUT_MS);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const player = new LinePlayer({
    address: () => fixture().cluster.address,
    env: { EDITOR: 'true', VISUAL: '' },
    valueOf: async (placeholder, ask) => {
      switch (placeholder) {
        case 'folder':
          return folder;
        case 'address':
          return fixture().cluster.address;
        case 'token':
          return nameIn(await ask(['auth', 'token', 'list']), 'tokens');
        case 'failed epoch':
          return /"epoch": "(\d+)"/.exec(await ask(['run', 'show', 'fails']))?.[1] ?? '';
        case 'steady run':
          return (await fixture().running('steady')).run.name;
        case 'steady epoch':
          return String((await fixture().running('steady')).attempt.epoch);
        default:
          return `{${placeholder}}`;
      }
    },
  });

  it('servers and the cluster', { timeout: GROUP_TIMEOUT_MS }, async () => {
    expect(await player.wrongOf(SERVERS)).toEqual([]);
  });
  it('pools', { timeout: GROUP_TIMEOUT_MS }, async () => {
    expect(await player.wrongOf(POOLS)).toEqual([]);
  });
  it('policies', { timeout: GROUP_TIMEOUT_MS }, async () => {
    expect(await player.wrongOf(POLICIES)).toEqual([]);
  });

  it('runs and fences', { timeout: GROUP_TIMEOUT_MS }, async () => {
    await eventually('a run is in BACKOFF', async () => {
      const { stdout } = await call(['run', 'show', 'fails']);
      return /^state: +BACKOFF/m.test(stdout) ? stdout : undefined;
    });
    expect(await player.wrongOf(RUNS)).toEqual([]);
  });

  it('events, audit, access, hooks and snapshots', { timeout: GROUP_TIMEOUT_MS }, async () => {
    file('audit.jsonl', (await call(['audit', 'export'])).stdout);
    expect(await player.wrongOf(RECORDS)).toEqual([]);
  });

  it('what goes on until it is ended', { timeout: GROUP_TIMEOUT_MS }, async () => {
    const silent = await Promise.all(
      FOLLOWED.map(async ({ line, says }) => {
        const words = [...line.split(' '), '--address', fixture().cluster.address];
        const child = spawn(process.execPath, [LOCUM, ...words], { stdio: ['ignore', 'pipe', 'ignore'] });
        let said = '';
        child.stdout.on('data', (bytes: Buffer) => (said += bytes.toString()));
        const found = await eventually(line, async () => (says.test(said) ? true : undefined)).catch(() => false);
        const ended = new Promise((resolve) => child.once('close', resolve));
        child.kill('SIGINT');
        await ended;
        return found ? [] : [{ line, said }];
      }),
    );
    expect(silent.flat()).toEqual([]);
  });

  it('what all commands take', async () => {
    expect(await player.wrongOf(GLOBALS)).toEqual([]);
  });

  it('a server that is dead', { timeout: GROUP_TIMEOUT_MS }, async () => {
    const { cluster, servers } = fixture();
    await cluster.killHost('c');
    await eventually('c is missing', async () => {
      const { server } = await servers.getServer({ name: 'servers/c' });
      return server?.liveness === Liveness.MISSING ? server : undefined;
    });
    expect(await player.wrongOf(DEAD)).toEqual([]);
  });

  it('nothing is left out: each verb, and each flag of it, is in a line', async () => {
    const verbs = await commandTable();
    const program = await buildProgram(nouns.map(({ name }) => name));
    const groups = [SERVERS, POOLS, POLICIES, RUNS, RECORDS, FOLLOWED, DEAD, GLOBALS, PROGRAM_LINES];
    const is = (option: Option) => (word: string) => word === option.short || word === option.long;
    const typed = new Set<string>();
    for (const { line } of groups.flat()) {
      const verb = verbs
        .filter(({ name }) => line === name || line.startsWith(`${name} `))
        .sort((a, b) => b.name.length - a.name.length)[0];
      if (verb !== undefined) typed.add(verb.name);
      for (const word of line.split(' -- ')[0]?.split(' ') ?? []) {
        const own = verb?.command.options.find((option) => is(option)(word));
        if (own !== undefined) typed.add(`${verb?.name} ${own.long}`);
        else if (program.options.some((option) => is(option)(word))) typed.add(word);
      }
    }
    const wanted = [
      ...program.options.map(({ long }) => `${long}`),
      ...verbs.flatMap(({ name, command }) => [name, ...command.options.map(({ long }) => `${name} ${long}`)]),
    ];
    expect(wanted.filter((one) => !typed.has(one))).toEqual([]);
    expect(wanted.length).toBeGreaterThan(400);
  });
});
