import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PositionFile, positionInMemory } from '../../../controller/audit/position-file.ts';
import { parseSyslogAddress } from '../../../controller/audit/syslog-address.ts';
import { syslogMessage } from '../../../controller/audit/syslog-message.ts';
import { SyslogSink } from '../../../controller/audit/syslog-sink.ts';
import { present } from '../../../shared/assert.ts';
import { eventually } from '../controller-world.ts';
import { chainOf, upTo } from './entries.ts';
import { SyslogReceiver } from './syslog-receiver.ts';

let folder = '';
let path = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'locum-syslog-'));
  path = join(folder, 'log');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const sinkTo = (address: string, position = positionInMemory()): SyslogSink =>
  new SyslogSink(present(parseSyslogAddress(address), address), position);

async function receiverAt(at: string | number): Promise<SyslogReceiver> {
  const receiver = new SyslogReceiver();
  await receiver.listen(at);
  return receiver;
}

const arrived = (receiver: SyslogReceiver, count: number): Promise<number[]> =>
  eventually(async () => (receiver.messages.length >= count ? receiver.numbers() : undefined));

describe('a message of syslog', () => {
  it('is one of RFC 5424, with the line of an export in it', () => {
    const entry = present(chainOf(1)[0], 'an entry');
    const message = syslogMessage(entry, { host: 'c1.example', pid: 42 });
    const form = /^<(\d+)>1 (\S+) c1\.example locum 42 CHANGE \[locum@32473 (.*?[^\\])\] (\{.*\})$/.exec(message);
    expect(form?.slice(1, 4)).toEqual([
      '109',
      '2025-11-27T14:00:00.001Z',
      'entry="audit/changes/1" principal="operator:ann" method="locum.v1.PoolService/CreatePool" resource="pools/p1" outcome="OK"',
    ]);
    expect(JSON.parse(form?.[4] ?? '')).toMatchObject({ name: 'audit/changes/1', hash: entry.hash });
  });

  it('is one line, and its JSON is ASCII, whatever the names are', () => {
    const principal = 'operator:"Jörg]\\ \u202e 🦊\n';
    const entry = present(chainOf(1, 'ACCESS', principal)[0], 'an entry');
    const message = syslogMessage(entry, { host: 'ho st', pid: 1 });
    expect(message).toMatch(/^<108>1 \S+ host locum 1 DENIAL /);
    const json = message.slice(message.indexOf('] {') + 2);
    expect(JSON.parse(json)).toMatchObject({ principal });
    expect(json).toMatch(/^[\x20-\x7e]*$/);
    expect(message).not.toContain('\n');
  });
});

describe('the syslog of the audit', () => {
  it('reaches a receiver over UDP', async () => {
    const receiver = createSocket('udp4');
    receiver.bind(0, '127.0.0.1');
    await once(receiver, 'listening');
    const messages: string[] = [];
    receiver.on('message', (bytes) => messages.push(bytes.toString()));
    await sinkTo(`udp:127.0.0.1:${receiver.address().port}`).write(chainOf(20));
    await eventually(async () => (messages.length === 20 ? true : undefined));
    expect(messages.every((message) => message.startsWith('<109>1 '))).toBe(true);
    receiver.close();
  });

  it.each(['unix', 'tcp'])('reaches a receiver over a %s stream, and each entry is its own frame', async (kind) => {
    const receiver = await receiverAt(kind === 'unix' ? path : 0);
    const sink = sinkTo(kind === 'unix' ? `unix:${path}` : `tcp:127.0.0.1:${receiver.port}`);
    await sink.write(chainOf(30));
    await sink.write(chainOf(60).slice(30));
    expect(await arrived(receiver, 60)).toEqual(upTo(60));
    await receiver.crash();
  });

  it('sends again what may have been lost with a connection, so that a receiver that crashed lacks nothing', async () => {
    const first = await receiverAt(path);
    const sink = sinkTo(`unix:${path}`);
    await sink.write(chainOf(10));
    await first.crash();
    // This end may know it already, or not.
    await expect(sink.write(chainOf(12).slice(10))).rejects.toThrow(/ENOENT|ECONNREFUSED|EPIPE|closed/);
    const second = await receiverAt(path);
    await sink.write(chainOf(12).slice(10));
    expect(await arrived(second, 12)).toEqual(upTo(12));
    await second.crash();
  });

  it('sends it again also when there is nothing new', async () => {
    const first = await receiverAt(path);
    const sink = sinkTo(`unix:${path}`);
    await sink.write(chainOf(3));
    await first.crash();
    const second = await receiverAt(path);
    // Asked for from time to time, as a feed does.
    await eventually(async () => {
      await sink.write([]);
      return second.messages.length > 0 ? true : undefined;
    });
    expect(await arrived(second, 3)).toEqual(upTo(3));
    await second.crash();
  });

  it('goes on from where it was when the controller is started again', async () => {
    const receiver = await receiverAt(path);
    const position = () => new PositionFile(join(folder, 'position'), 'c-1');
    await sinkTo(`unix:${path}`, position()).write(chainOf(7));
    expect(await sinkTo(`unix:${path}`, position()).begin()).toEqual({ CHANGES: 7, ACCESS: 0 });
    await receiver.crash();
  });

  it('is told by an address that says how', () => {
    expect(parseSyslogAddress('udp:127.0.0.1:514')).toEqual({ kind: 'udp', host: '127.0.0.1', port: 514 });
    expect(parseSyslogAddress('tcp:[::1]:6514')).toEqual({ kind: 'tcp', host: '::1', port: 6514 });
    expect(parseSyslogAddress('unix:/run/log')).toEqual({ kind: 'unix', path: '/run/log' });
    for (const wrong of ['/dev/log', 'udp:host', 'unix:log', 'tcp:host:0', 'http://x', '']) {
      expect(parseSyslogAddress(wrong), wrong).toBeUndefined();
    }
  });
});
