/**
 * Every command that the documentation shows is run in a scratch cluster, and what it prints is what the page says of it. What can't be
 * run is named here with the reason, which is printed: a command that is added to a page is not passed over.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadAgentSettings } from '../../agent/config.ts';
import { applyExamples } from '../../cli/dev/example-policies.ts';
import { freePort } from '../../cli/dev/ports.ts';
import { EXIT } from '../../cli/exit-codes.ts';
import { nouns } from '../../cli/nouns.ts';
import { buildProgram } from '../../cli/program.ts';
import { loadControllerSettings } from '../../controller/config/config.ts';
import { SETTINGS } from '../../scripts/dial-table.ts';
import { runCaptured } from '../e2e/captured-command.ts';
import { SETUP_TIMEOUT_MS, useCluster } from '../e2e/cluster-fixture.ts';
import { LOCUM, ROOT, runLocum } from '../e2e/locum-command.ts';
import { findProgram, run } from '../rpc/foreign-client.ts';
import { expectSaid, notCompared } from './said-outputs.ts';
import { blocks, commandsOf, pages, type Shown, textOf, wordsOf } from './shell-blocks.ts';

/** It takes half a minute; a machine that is busy with other tests may need more. */
const TEST_TIMEOUT_MS = 150_000;

/** What only changes the machine that it is typed at, or takes too long, or needs what may not be there. */
const NOT_RUN: ReadonlyArray<readonly [RegExp, why: string]> = [
  [/^cd |^cp |^ln -s |^mkdir |^chown |^tar |^useradd |^date > /, 'moves files of the machine'],
  [/^curl -s 127\.0\.0\.1:7403\//, 'needs the token of an agent: agent/metrics/metrics-pages.test.ts'],
  [/^systemctl /, 'needs systemd and units in /etc'],
  [/^apt install |^npm install --global |^npm run package/, 'has tests of its own: package, deploy'],
  [/^\(umask 077; echo "whsec_|^locum hook test /, 'needs a hook: cli/hooks.test.ts'],
  [/^npm ci$/, 'has been run'],
  [/^(?:npx )?locum token create /, 'needs a cluster with certificates: e2e/join.test.ts'],
  [/^locum certificate issue /, 'needs the authority of a controller: e2e/tls.test.ts'],
  [/^locum pki /, 'needs a cluster with certificates: docs/rotate-page.test.ts'],
  [/^locum context |--context /, 'names controllers that are not there: cli/context.test.ts'],
  [/^npm start|^locum dev/, 'has tests of its own: e2e/dev.test.ts, replication'],
  [/^npm run protos |^npx buf generate |^protoc |^grpcurl -protoset /, 'has tests of its own: rpc/protos.test.ts'],
  [/^spin /, 'is what npm run model does'],
  [/^LOCUM_REPLICATION=long npx vitest run test\/replication /, 'takes minutes'],
];

/** Exit codes other than 0 that are right in a scratch cluster of one controller. */
const OTHER_CODES: Readonly<Record<string, number>> = {
  'locum transfer-leadership': EXIT.notPlaced,
};

describe('the commands of the documentation', () => {
  const fixture = useCluster(['server-1', 'server-2'], 1);
  let folder = '';
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'locum-docs-'));
    const { cluster } = fixture();
    const sharedDir = join(folder, 'shared');
    await applyExamples(cluster.transport, { sharedDir, apiAddress: cluster.address });
    const restored = `data_directory: ${join(folder, 'restored')}\n`;
    writeFileSync(join(folder, 'controller.yaml'), restored);
    const [hello] = blocks('README.md', 'yaml').filter(({ text }) => text.includes('policies/hello'));
    writeFileSync(join(folder, 'hello.yaml'), hello?.text ?? '');
  }, SETUP_TIMEOUT_MS);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** Names of the pages' own world in that of this one. */
  function here(words: readonly string[]): string[] {
    return words.map((word) => {
      // The only controller here answers for each that the pages have.
      if (word === '127.0.0.1:7420') return fixture().cluster.address;
      if (word === 'NAME') return 'file-drop-watcher';
      if (word === 'web-2') return 'server-1';
      if (word === 'examples') return join(ROOT, 'examples');
      if (word === 'hello.yaml' || word === 'audit.jsonl') return join(folder, word);
      if (word === '/etc/locum/controller.yaml') return join(folder, 'controller.yaml');
      if (word.endsWith('.tar.gz')) return join(folder, word);
      if (word.endsWith('.snap')) return join(folder, `${words[1] === 'restore' ? 'restored-from' : 'saved'}.snap`);
      return word;
    });
  }

  async function playLocum(command: string): Promise<void> {
    const { cluster, running } = fixture();
    const words = here(wordsOf(command).slice(1));
    const [, into] = words.includes('>') ? words.splice(words.indexOf('>')) : [];
    if (words.includes('snapshot')) await snapshots(words);
    if (words.includes('fence')) {
      const { run, attempt } = await running('file-drop-watcher');
      const known: Record<string, string> = {
        $LOCUM_POLICY: run.policy,
        $LOCUM_EPOCH: `${attempt.epoch}`,
        $LOCUM_RUN: run.name,
      };
      words.splice(0, words.length, ...words.map((word) => known[word] ?? word));
    }
    // What goes on for ever is only asked to begin.
    const finite = words.filter((word) => word !== '--follow');
    const { stdout: help } = await runCaptured(cluster.address, [...finite, '--help']);
    expect({ command, knowsFollow: help.includes('--follow') || finite.length === words.length }).toMatchObject({
      knowsFollow: true,
    });
    let ended = await runCaptured(cluster.address, finite);
    // A program runs a moment before it has written its first line.
    for (let tries = 0; command.endsWith('run logs hello') && ended.stdout === '' && tries < 100; tries += 1) {
      await sleep(100);
      ended = await runCaptured(cluster.address, finite);
    }
    const { code, stdout, stderr } = ended;
    const right = OTHER_CODES[command] ?? 0;
    expect({ command, code, stderr: code === right ? '' : stderr }).toEqual({ command, code: right, stderr: '' });
    expectSaid(command, stdout);
    if (into !== undefined) writeFileSync(into, stdout);
  }

  /** One file for all pages; each restore goes where nothing is. */
  async function snapshots(words: readonly string[]): Promise<void> {
    const saved = join(folder, 'saved.snap');
    if (words[1] === 'save') rmSync(saved, { force: true });
    if (words[1] === 'restore') {
      writeFileSync(join(folder, 'restored-from.snap'), readFileSync(saved));
      rmSync(join(folder, 'restored'), { recursive: true, force: true });
      mkdirSync(join(folder, 'restored'));
    }
  }

  async function checkAgent(text: string): Promise<string> {
    const action = wordsOf(text).includes('join') ? ['join'] : [];
    const { stdout } = await runCaptured(fixture().cluster.address, ['agent', ...action, '--help']);
    for (const option of wordsOf(text).filter((word) => word.startsWith('--'))) expect(stdout, text).toContain(option);
    return 'names a host that is not there; its options are known';
  }

  async function playController(command: string): Promise<void> {
    const [api, agents] = [await freePort(), await freePort()];
    const there = command.replace('/var/lib/locum', join(folder, 'data'));
    const words = wordsOf(there.replace('0.0.0.0:7400', `0.0.0.0:${api}`).replace('0.0.0.0:7401', `0.0.0.0:${agents}`));
    const child = spawn(process.execPath, [LOCUM, ...words.slice(2)]);
    let output = '';
    await new Promise<void>((resolve, reject) => {
      const look = (bytes: Buffer): void => {
        output += bytes.toString();
        if (output.includes('controller is ready')) resolve();
      };
      child.stdout.on('data', look);
      child.stderr.on('data', look);
      child.once('close', () => reject(new Error(output)));
    });
    child.kill('SIGTERM');
    await new Promise((resolve) => child.once('close', resolve));
    expect(output).not.toContain('INSECURE');
    expect(output).toContain('made the certificate authority');
  }

  /** `curl`, `grpcurl`, `buf curl`: programs that others wrote. Answers why it was not run. */
  async function playForeign({ text }: Shown): Promise<string | undefined> {
    const [name = '', ...words] = wordsOf(
      text.replace('localhost:7400', fixture().cluster.address).replace(/^npx /, ''),
    );
    const program = findProgram(name);
    if (program === undefined) return `${name} is not installed here`;
    const { code, stdout, stderr } = await run(program, name === 'curl' ? ['--fail-with-body', ...words] : words);
    expect({ text, code, stderr: code === 0 ? '' : stderr }).toEqual({ text, code: 0, stderr: '' });
    expectSaid(text, stdout);
    return undefined;
  }

  /** An older epoch is refused with code 1, as the page says of these programs. */
  async function playFencing({ text }: Shown): Promise<void> {
    const [, epoch = '', rest = ''] = /^LOCUM_EPOCH=(\d+) node (.*)$/.exec(text) ?? [];
    const [file = '', ...words] = wordsOf(rest.replace('/tmp/', `${folder}/`));
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(ROOT, 'examples/fencing', file), ...words], {
      env: { ...process.env, LOCUM_EPOCH: epoch },
      encoding: 'utf8',
    });
    expect({ text, status }).toEqual({ text, status: Number(epoch) < 7 ? 1 : 0 });
    expectSaid(text, stdout + stderr);
  }

  /** Most play long: that they know these options is all that is looked at. Answers why it was not run. */
  function checkScript(text: string): string | undefined {
    const [, name = '', rest = ''] = /^npm run (\S+)(?: -- (.*))?$/.exec(text) ?? [];
    const scripts: Record<string, string> = JSON.parse(textOf('package.json')).scripts;
    const [, file = ''] = /^node (\S+\.ts)$/.exec(scripts[name] ?? '') ?? [];
    const { stdout } = spawnSync(process.execPath, [join(ROOT, file), '--help'], { encoding: 'utf8' });
    for (const option of wordsOf(rest).filter((word) => word.startsWith('--'))) expect(stdout, text).toContain(option);
    if (!/^npm run sim -- --seed \d+$/.test(text)) return 'takes long; its options are known';
    const { status } = spawnSync(process.execPath, [join(ROOT, file), ...wordsOf(rest)], { encoding: 'utf8' });
    expect({ text, status }).toEqual({ text, status: 0 });
    return undefined;
  }

  it('do what the pages say', { timeout: TEST_TIMEOUT_MS }, async () => {
    const played: string[] = [];
    const left: string[] = [];
    let page = '';
    for (const shown of pages().flatMap(commandsOf)) {
      const { text } = shown;
      // The first page ends with a server that is drained.
      if (shown.page !== page && shown.page === 'docs/tasks.md')
        await fixture().servers.uncordonServer({ name: 'servers/server-1' });
      page = shown.page;
      const where = `${shown.page}:${shown.line}: ${text}`;
      const why = NOT_RUN.find(([pattern]) => pattern.test(text))?.[1] ?? (await play(shown));
      if (why === undefined) played.push(where);
      else left.push(`${where} (${why})`);
    }
    process.stdout.write(`${played.length} commands of the pages were run; not run:\n  ${left.join('\n  ')}\n`);
    expect(played.length).toBeGreaterThan(40);
    const someMissing = left.some((line) => line.includes('is not installed here'));
    expect(someMissing ? [] : notCompared()).toEqual([]);
  });

  /** Answers why it was not run. */
  async function play(shown: Shown): Promise<string | undefined> {
    const { text } = shown;
    if (/^npx locum controller /.test(text)) await playController(text);
    else if (/^npx locum agent\b/.test(text)) return checkAgent(text);
    else if (/^(?:npx )?locum /.test(text)) await playLocum(text.replace(/^npx /, ''));
    else if (/^(?:curl|grpcurl|npx buf curl) /.test(text)) return playForeign(shown);
    else if (text.startsWith('LOCUM_EPOCH=')) await playFencing(shown);
    else if (text.startsWith('npm run ')) return checkScript(text);
    else throw new Error(`${text}: is neither run nor named with a reason`);
    return undefined;
  }

  it('set timers that are accepted, as the table of the dial says', { timeout: TEST_TIMEOUT_MS }, async () => {
    const { cluster } = fixture();
    for (const { aim, timers } of SETTINGS) {
      const flags = {
        '--heartbeat-interval': timers.heartbeatMs,
        '--suspect-after': timers.suspectAfterMs,
        '--lease': timers.leaseMs,
        '--stop-timeout': timers.stopTimeoutMs,
        '--kill-guard': timers.killGuardMs,
        '--missing-after': timers.missingAfterMs,
      };
      const words = Object.entries(flags).flatMap(([flag, ms]) => [flag, `${ms}ms`]);
      const { code, stderr } = await runCaptured(cluster.address, ['pool', 'set', 'default', '--dry-run', ...words]);
      expect({ aim, code, stderr: code === 0 ? '' : stderr }).toEqual({ aim, code: 0, stderr: '' });
    }
  });
});

describe('the configuration files of the documentation', () => {
  it.each(['docs/operations.md', 'docs/replication.md'])('of %s are accepted as they stand', (page) => {
    const folder = mkdtempSync(join(tmpdir(), 'locum-docs-config-'));
    try {
      let read = 0;
      for (const { text } of blocks(page, 'yaml')) {
        const file = join(folder, 'config.yaml');
        // The pages name certificates where an operator would put them.
        writeFileSync(file, text.replaceAll('/etc/locum/etcd', `${folder}/etcd`));
        for (const [path] of text.matchAll(/\/etc\/locum\/(etcd[\w-]*\.pem)/g))
          writeFileSync(path.replace('/etc/locum', folder), 'PEM');
        if (text.includes('api_listen')) loadControllerSettings({ file, flags: {}, env: {} });
        else if (text.includes('controllers:')) loadAgentSettings({ file, flags: {}, env: { HOME: folder } });
        else continue;
        read += 1;
      }
      expect(read).toBe(2);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('let agents of other hosts in: the listener that they dial is not on loopback', () => {
    for (const page of ['docs/operations.md', 'docs/replication.md']) {
      const text = textOf(page);
      const listen = /agent_listen: (\S+):7401/.exec(text)?.[1];
      expect(listen, page).toBe('0.0.0.0');
      expect(/```yaml\n[^`]*\ninsecure: true/.test(text), page).toBe(false);
    }
  });
});

describe('what the documentation lists', () => {
  it('of the command line is all that there is', async () => {
    const [commands = ''] = textOf('docs/cli.md').split('\n## ');
    const rows = [...commands.matchAll(/^\| `([\w-]+)` \| (.*) \|$/gm)];
    const listed = new Map(rows.map(([, noun = '', rest = '']) => [noun, rest]));
    const shownNouns = nouns.filter(({ group }) => group !== undefined).map(({ name }) => name);
    expect([...listed.keys()].sort()).toEqual(shownNouns.filter((name) => !['version', 'help'].includes(name)).sort());
    for (const noun of ['server', 'pool', 'policy', 'run', 'snapshot', 'fence']) {
      const program = await buildProgram([noun]);
      const command = program.commands.find((one) => one.name() === noun);
      const verbs = command?.commands.map((one) => one.name()).filter((name) => name !== 'help') ?? [];
      const shown = [...(listed.get(noun) ?? '').matchAll(/`([a-z-]+)`/g)].map(([, verb = '']) => verb);
      expect(new Set(shown), noun).toEqual(new Set(verbs));
    }
  });

  it('as exit codes is what the commands end with', () => {
    const codes = [...textOf('docs/cli.md').matchAll(/^\| (\d+) \|/gm)].map(([, code]) => Number(code));
    expect(codes.sort((a, b) => a - b)).toEqual(Object.values(EXIT).sort((a, b) => a - b));
  });

  it('as scripts is what package.json has', () => {
    const scripts = Object.keys(JSON.parse(textOf('package.json')).scripts).filter(
      (name) => !['prepare', 'prepack', 'build'].includes(name),
    );
    const listed = [...textOf('CONTRIBUTING.md').matchAll(/^\| `npm (?:run )?([\w-]+)/gm)].map(([, name = '']) => name);
    expect(new Set(listed)).toEqual(new Set(scripts));
  });

  it(
    'says with every help which options each command takes',
    async () => {
      for (const words of [
        ['run', '--help'],
        ['run', 'logs', '--help'],
      ]) {
        const { stdout } = await runLocum('127.0.0.1:1', words);
        for (const option of ['--address', '--timeout', '--output']) expect(stdout, words.join(' ')).toContain(option);
      }
    },
    TEST_TIMEOUT_MS,
  );
});
