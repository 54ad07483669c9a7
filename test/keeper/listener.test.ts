/** One agent at a time, with streams that a test holds in its hands. */
import { EventEmitter } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Attempt } from '../../keeper/attempt.ts';
import { AttemptFolders } from '../../keeper/attempt-folders.ts';
import { AttemptTable } from '../../keeper/attempt-table.ts';
import type { AgentStream } from '../../keeper/connection.ts';
import { detectContainment } from '../../keeper/containment-detection.ts';
import { Journal } from '../../keeper/journal.ts';
import { Listener } from '../../keeper/listener.ts';
import { PipeMaker } from '../../keeper/output-pipe.ts';
import { Supervisor } from '../../keeper/supervisor.ts';
import {
  type AttachRequest,
  AttachRequestSchema,
  type AttachResponse,
} from '../../shared/gen/locum/keeper/v1/keeper_service_pb.ts';
import { OnDisconnect } from '../../shared/gen/locum/v1/policy_pb.ts';

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** The keeper's end of a stream. `room` is how many messages it takes until it says that it is full. */
class FakeStream extends EventEmitter implements AgentStream {
  readonly written: AttachResponse[] = [];
  room = Number.POSITIVE_INFINITY;
  isEnded = false;
  private paused = false;

  write(response: AttachResponse): boolean {
    this.written.push(response);
    this.room -= 1;
    return this.room > 0;
  }
  end(): void {
    this.isEnded = true;
  }
  pause(): void {
    this.paused = true;
  }
  resume(): void {
    this.paused = false;
  }
  isPaused(): boolean {
    return this.paused;
  }

  /** What the agent sends. */
  say(request: MessageInitShape<typeof AttachRequestSchema>['request'], requestId = 0n): void {
    const message: AttachRequest = create(AttachRequestSchema, { requestId, ...(request && { request }) });
    this.emit('data', message);
  }
  drain(room: number): void {
    this.room = room;
    this.emit('drain');
  }
  get heard(): Array<string | undefined> {
    return this.written.map(({ response }) => response.case);
  }
}

describe('the listener', () => {
  let folder = '';
  let journal: Journal;
  let listener: Listener;
  const exits: boolean[] = [];

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'locum-listener-test-'));
    ({ journal } = await Journal.open(join(folder, 'journal')));
    const { containment } = await detectContainment({ key: 'test', earlierBases: [], strongest: 'process-group' });
    const table = new AttemptTable(10);
    const supervisor = new Supervisor({ table, journal, bootId: '', log: silent, onChange: () => undefined });
    const folders = new AttemptFolders(folder);
    const pipes = new PipeMaker(join(folder, 'pipes'));
    const start = { journal, containment, pipes, folders, key: 'test', bootId: '', onReaped: () => undefined };
    listener = new Listener({
      tools: { table, supervisor, journal, folders, start, log: silent, isLeaving: () => false },
      containment,
      version: 'test',
      onExit: ({ stopAll }) => exits.push(stopAll),
      onAttachment: () => undefined,
    });
  });
  afterEach(async () => {
    await listener.close();
    await journal.close();
    exits.length = 0;
    rmSync(folder, { recursive: true });
  });

  const attach = (): FakeStream => {
    const stream = new FakeStream();
    listener.accept(stream);
    stream.say({ case: 'open', value: { agentPid: 7 } });
    return stream;
  };
  const spend = (run: string) => ({ case: 'stop', value: { run, epoch: 5n } }) as const;
  const attempt = (run: string) =>
    new Attempt({
      run,
      epoch: 1,
      policy: 'job',
      deadline: { mono: 0, boot: 0 },
      frozen: {
        onDisconnect: OnDisconnect.STOP,
        lease: undefined,
        stopTimeout: undefined,
        killGuard: undefined,
        slots: 1,
      },
    });

  it('says nothing to a stream that has not opened, and refuses one that begins with anything else', () => {
    const stream = new FakeStream();
    const errors: unknown[] = [];
    stream.on('error', (error) => errors.push(error));
    listener.accept(stream);
    expect([listener.hasAgent, stream.heard]).toEqual([false, []]);
    stream.say(spend('a-1'));
    expect(errors).toEqual([expect.objectContaining({ details: 'the first message is Open' })]);
    expect(journal.state.spent.isSpent('a-1', 5)).toBe(false);
  });

  it('never acts on what an older connection sent and was not read yet', async () => {
    const old = attach();
    old.on('error', () => undefined);
    old.say(spend('a-1'));
    const next = attach();
    old.say(spend('b-1'), 1n);
    old.say({ case: 'exit', value: { stopAll: true } }, 2n);
    next.say(spend('c-1'), 1n);
    await expect.poll(() => next.heard).toContain('result');
    expect(['a-1', 'b-1', 'c-1'].map((run) => journal.state.spent.isSpent(run, 5))).toEqual([true, false, true]);
    expect(exits).toEqual([]);
    expect(old.heard).toEqual(['opened']);
  });

  it('does not lose the newer agent when the older one goes', () => {
    const old = attach();
    old.on('error', () => undefined);
    const next = attach();
    old.emit('cancelled');
    expect(listener.hasAgent).toBe(true);
    next.emit('end');
    expect([listener.hasAgent, next.isEnded]).toEqual([false, true]);
  });

  it('keeps the newest form of each attempt for an agent that reads nothing, and no more', () => {
    const stream = attach();
    stream.room = 1;
    const [a, b] = [attempt('a-1'), attempt('b-1')];
    for (let i = 0; i < 1_000; i += 1) for (const each of [a, b]) listener.announce(each);
    expect(stream.heard).toEqual(['opened', 'changed']);
    a.pid = 42;
    stream.drain(10);
    expect(stream.heard).toEqual(['opened', 'changed', 'changed', 'changed']);
    const pids = stream.written.map(
      ({ response }) => response.case === 'changed' && response.value.attempt?.status?.pid,
    );
    expect(new Set(pids.slice(1))).toEqual(new Set([0, 42]));
  });

  it('reads no further requests of an agent that reads no answers', async () => {
    const stream = attach();
    stream.room = 1;
    for (let i = 1; i <= 100; i += 1) stream.say({ case: 'ping', value: {} });
    await expect.poll(() => stream.isPaused()).toBe(true);
    expect(stream.heard).toEqual(['opened', 'pong']);
    stream.drain(1_000);
    expect([stream.heard.length, stream.isPaused()]).toEqual([101, false]);
  });

  it('tells a change before the answer to the request that made it', async () => {
    const stream = attach();
    stream.room = 0;
    stream.say({ case: 'extend', value: {} }, 1n);
    listener.announce(attempt('a-1'));
    await new Promise((resolve) => setImmediate(resolve));
    stream.drain(10);
    expect(stream.heard.at(-1)).toBe('result');
    expect(stream.heard).toContain('changed');
  });

  it('tells an agent that attaches during a shutdown', () => {
    attach();
    listener.leave(5_000);
    expect(attach().heard).toEqual(['opened', 'leaving']);
  });
});
