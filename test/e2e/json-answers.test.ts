/** What `-o json` and `-o yaml` print is what the API answers, as other clients get it; and where not, the page on the command line says so. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { fromJson, type JsonValue, toJson } from '@bufbuild/protobuf';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { findProgram, run } from '../rpc/foreign-client.ts';
import { runCaptured } from './captured-command.ts';
import { SETUP_TIMEOUT_MS, useCluster } from './cluster-fixture.ts';
import { commandTable } from './command-table.ts';
import { CHANGES, OTHER_READS, READS, type Read, WATCHES } from './json-reads.ts';
import { LOCUM, ROOT } from './locum-command.ts';

const TEST_TIMEOUT_MS = 90_000;
const TRIES = 20;

/** An open controller believes it: the caller's own name is in some answers. */
const ACTOR = 'x-locum-actor';
const me = userInfo().username;
const header = { [ACTOR]: me };

const POLICIES = `name: steady
labels: { team: x }
workload: { command: { argv: [sleep, "86400"] } }
stop_timeout: 1s
---
name: job
trigger: { on_demand: {} }
workload: { script: { text: 'echo "one line"' } }
`;

/** Others print null for what is not set, and streams one message after the other. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, each]) => (each === null ? [] : [[key, withoutNulls(each)]])),
  );
}

/** All but a time that is another one at each question. */
function without(key: string | undefined, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((each) => without(key, each));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, each]) => (name === key ? [] : [[name, without(key, each)]])),
  );
}

/** Objects one after the other, on as many lines as each takes. */
const objectsOf = (text: string): readonly unknown[] =>
  text.trim() === '' ? [] : JSON.parse(`[${text.trim().replaceAll(/^\}\s*^\{/gm, '},{')}]`);

async function all(answers: AsyncIterable<JsonValue>): Promise<JsonValue[]> {
  const found: JsonValue[] = [];
  for await (const answer of answers) found.push(answer);
  return found;
}

describe('-o json', () => {
  let folder = '';
  const hooks = join(tmpdir(), `locum-json-${process.pid}.yaml`);
  writeFileSync(hooks, 'hooks: [{ name: told, command: { argv: [/bin/true] }, only: { about: [policies/none] } }]\n');
  const fixture = useCluster(['a', 'b'], 1, { controllerFlags: () => ['--open', '--config', hooks] });
  const call = (words: readonly string[]) => runCaptured(fixture().cluster.address, words);

  const printedBy = async (words: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await call(words);
    if (code !== 0) throw new Error(`${words.join(' ')}: exit code ${code}, ${stderr}`);
    return stdout;
  };

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'locum-json-'));
    writeFileSync(join(folder, 'policies.yaml'), POLICIES);
    await printedBy(['policy', 'apply', '-f', folder]);
    await fixture().running('steady');
    await printedBy(['policy', 'start', 'job', '--wait']);
    await printedBy(['auth', 'token', 'create', 'ann', '--role', 'viewer']);
    await printedBy(['auth', 'user', 'set', 'bob', '--role', 'operator']);
    await printedBy(['server', 'revoke', 'gone', '--reason', 'sold', '--yes']);
  }, SETUP_TIMEOUT_MS);
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
    rmSync(hooks, { force: true });
  });

  /** As a client gets it that is none of ours but for its codec. */
  async function* answers({ method, request }: Read, signal?: AbortSignal): AsyncGenerator<JsonValue> {
    const transport = createGrpcTransport({ baseUrl: `http://${fixture().cluster.address}` });
    const { input, output } = method;
    const message = fromJson(input, request);
    const shown = (answer: Parameters<typeof toJson>[1]): JsonValue =>
      toJson(output, answer, { alwaysEmitImplicit: true });
    if (method.methodKind === 'unary') {
      yield shown((await transport.unary(method, undefined, undefined, header, message)).message);
      return;
    }
    const inputs = (async function* () {
      yield message;
    })();
    const stream = await transport.stream(method, signal, undefined, header, inputs);
    for await (const answer of stream.message) yield shown(answer);
  }

  /** Heartbeats come in between: what is printed is what is answered at some moment, asked for a few times. */
  async function atOneMoment(look: () => Promise<unknown>, print: () => Promise<unknown>) {
    for (let tries = 1; ; tries += 1) {
      const [answer, printed] = [await look(), await print()];
      if (isDeepStrictEqual(answer, printed) || tries === TRIES) return { answer, printed };
      await sleep(50);
    }
  }

  it.each(READS)('of "$line" is the answer of the API', { timeout: TEST_TIMEOUT_MS }, async (read) => {
    const { answer, printed } = await atOneMoment(
      async () => without(read.asked, await all(answers(read))),
      async () => without(read.asked, objectsOf(await printedBy([...read.line.split(' '), '-o', 'json']))),
    );
    expect(printed).toEqual(answer);
  });

  it.each(READS.filter(({ yamlIsAFile }) => yamlIsAFile !== true))(
    'of "$line" is the same as YAML',
    {
      timeout: TEST_TIMEOUT_MS,
    },
    async (read) => {
      const { answer, printed } = await atOneMoment(
        async () => without(read.asked, await all(answers(read))),
        async () => {
          const text = await printedBy([...read.line.split(' '), '-o', 'yaml']);
          const documents = [parseAllDocuments(text.replace(/^---\n/, ''))].flat();
          return without(
            read.asked,
            documents.map((document) => document.toJS() as unknown),
          );
        },
      );
      expect(printed).toEqual(answer);
    },
  );

  it.each(READS.filter(({ yamlIsAFile }) => yamlIsAFile === true))('of "$line" is a file as YAML', async ({ line }) => {
    expect(await printedBy([...line.split(' '), '-o', 'yaml'])).toMatch(/^name: (?:policies\/)?\w+$/m);
  });

  it.each(WATCHES)(
    'of "$line" is the messages of the stream, one line each',
    {
      timeout: TEST_TIMEOUT_MS,
    },
    async (read) => {
      const look = async (): Promise<JsonValue> => {
        const ended = new AbortController();
        const found: JsonValue[] = [];
        for await (const answer of answers(read, ended.signal)) {
          if (found.push(answer) === read.messages) break;
        }
        ended.abort();
        return found;
      };
      const { answer, printed } = await atOneMoment(look, async () => {
        const args = [...read.line.split(' '), '-o', 'json', '--address', fixture().cluster.address];
        const child = spawn(process.execPath, [LOCUM, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
        const found: unknown[] = [];
        for await (const line of createInterface(child.stdout)) {
          if (found.push(JSON.parse(line)) === read.messages) break;
        }
        child.kill();
        return found;
      });
      expect(printed).toEqual(answer);
    },
  );

  it('is what grpcurl prints, which has another codec', { timeout: TEST_TIMEOUT_MS }, async (ctx) => {
    const grpcurl = findProgram('grpcurl');
    if (grpcurl === undefined) return ctx.skip('grpcurl is not installed');
    for (const { line, method, request, asked, grpcurl: json = request } of READS) {
      const flags = ['-plaintext', '-emit-defaults', '-H', `${ACTOR}: ${me}`, '-d', JSON.stringify(json)];
      const { address } = fixture().cluster;
      const called = `${method.parent.typeName}/${method.name}`;
      const parsed = (text: string) => ({ line, said: withoutNulls(without(asked, objectsOf(text))) });
      const { answer, printed } = await atOneMoment(
        async () => {
          const { code, stdout, stderr } = await run(grpcurl, [...flags, address, called]);
          return code === 0 ? parsed(stdout) : { line, stderr };
        },
        async () => parsed(await printedBy([...line.split(' '), '-o', 'json'])),
      );
      expect(printed).toEqual(answer);
    }
  });

  it('is known of every verb that asks controllers: compared, named on the page with why not, or a change', async () => {
    const verbs = (await commandTable()).filter(({ asksControllers }) => asksControllers).map(({ name }) => name);
    const isOf = (line: string) => (verb: string) => `${line} `.startsWith(`${verb} `);
    const verbOf = (line: string): string => verbs.filter(isOf(line)).sort((a, b) => b.length - a.length)[0] ?? line;
    const compared = new Set([...READS, ...WATCHES].map(({ line }) => verbOf(line)));
    const others = new Set([...Object.keys(OTHER_READS), ...CHANGES]);
    const page = readFileSync(join(ROOT, 'docs/cli.md'), 'utf8');
    expect(Object.keys(OTHER_READS).filter((verb) => !page.includes(`\`${verb}\``))).toEqual([]);
    expect([...compared].filter((verb) => others.has(verb))).toEqual([]);
    expect([...compared, ...others].sort()).toEqual([...verbs].sort());
  });
});
