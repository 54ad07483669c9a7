import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { fingerprint } from '../../../agent/capabilities/fingerprint.ts';
import { mergeCapabilities, sameCapabilities } from '../../../agent/capabilities/merge.ts';
import { readFacts, runProbe } from '../../../agent/capabilities/probe.ts';
import { outputOf } from '../../../agent/capabilities/program-output.ts';
import { runtimeFiles } from '../../../agent/capabilities/runtime-files.ts';
import type { Capability } from '../../../shared/protocol/capability.ts';

const fact = (name: string, value: string, source: Capability['source']): Capability => ({ name, value, source });
const env = { PATH: process.env['PATH'] };

describe('the set of capabilities', () => {
  it('takes what is stated over what a probe says, and that over what was found', () => {
    const found = [fact('a', '1', 'FINGERPRINT'), fact('b', '1', 'FINGERPRINT'), fact('c', '1', 'FINGERPRINT')];
    const probed = [fact('b', '2', 'PROBE'), fact('c', '2', 'PROBE')];
    const stated = [fact('c', '3', 'CONFIG')];
    const merged = mergeCapabilities(stated, found, probed);
    expect(merged.map(({ name, value }) => `${name}=${value}`)).toEqual(['a=1', 'b=2', 'c=3']);
  });

  it('is the same in whatever order its facts came', () => {
    const [one, two] = [fact('x', '1', 'CONFIG'), fact('y', '', 'PROBE')];
    expect(sameCapabilities(mergeCapabilities([one], [two]), mergeCapabilities([two], [one]))).toBe(true);
    expect(sameCapabilities(mergeCapabilities([one]), mergeCapabilities([one], [two]))).toBe(false);
    expect(sameCapabilities(mergeCapabilities([one]), mergeCapabilities([{ ...one, value: '2' }]))).toBe(false);
  });

  it('leaves out what no controller takes, wherever it comes from', () => {
    const odd = fact('os.distribution', 'a\u0007b', 'FINGERPRINT');
    expect(mergeCapabilities([odd, fact('os', 'linux', 'FINGERPRINT')])).toEqual([fact('os', 'linux', 'FINGERPRINT')]);
  });

  it('is bounded', () => {
    const many = Array.from({ length: 300 }, (_, i) => fact(`f${i}`, '', 'CONFIG'));
    expect(mergeCapabilities(many)).toHaveLength(256);
  });
});

describe('a probe', () => {
  it('prints facts, one a line; comments and empty lines are left out, and what is no fact is told', () => {
    const text = '# disks\n\ndisk.free = 12.5\r\nraid\nurl=http://a/?b=c\nBad Name=1\n=1\n';
    expect(readFacts(text)).toEqual({
      capabilities: [
        fact('disk.free', '12.5', 'PROBE'),
        fact('raid', '', 'PROBE'),
        fact('url', 'http://a/?b=c', 'PROBE'),
      ],
      unread: ['Bad Name=1', '=1'],
    });
  });

  it('that prints without end is not read without end', () => {
    const { capabilities, unread } = readFacts(Array.from({ length: 500 }, (_, i) => `f${i}=1`).join('\n'));
    expect(capabilities).toHaveLength(64);
    expect(unread.length).toBeLessThanOrEqual(64);
    expect(readFacts(`a=${'x'.repeat(129)}`).capabilities).toEqual([]);
  });

  it('that prints what no controller takes is not told: its stream would end each time', () => {
    const text = `bytes=${'ü'.repeat(65)}\nescape=3.1\u001b[31m\ntab=3.1\t8.0\nzeile=${'ü'.repeat(64)}\n`;
    expect(readFacts(text).capabilities).toEqual([fact('zeile', 'ü'.repeat(64), 'PROBE')]);
  });

  it('runs without a shell, and tells why it failed', async () => {
    const probe = { name: 'p', intervalMs: 1_000, timeoutMs: 5_000 };
    expect(await runProbe({ ...probe, argv: ['echo', 'a=$HOME'] }, env)).toMatchObject({
      kind: 'facts',
      capabilities: [fact('a', '$HOME', 'PROBE')],
    });
    expect(await runProbe({ ...probe, argv: ['no-such-program'] }, env)).toMatchObject({ kind: 'failed' });
    expect(await runProbe({ ...probe, argv: ['false'] }, env)).toMatchObject({ kind: 'failed' });
  });

  it('that hangs is killed', async () => {
    const output = await outputOf(['sleep', '60'], { timeoutMs: 50, env });
    expect(output).toMatchObject({ kind: 'failed', isLate: true, detail: 'killed after 50 ms' });
  });
});

describe('the fingerprint', () => {
  it('finds this host and the runtimes on its path, each with its version', async () => {
    let { facts: found } = await fingerprint(env);
    // On a busy machine a runtime may not answer in time; what others said stands until it does.
    for (let i = 0; i < 10 && !['bash', 'node'].every((one) => found.some(({ name }) => name === one)); i += 1)
      ({ facts: found } = await fingerprint(env, found));
    const facts = new Map(found.map(({ name, value }) => [name, value]));
    expect(facts.get('os')).toBe('linux');
    expect(facts.get('arch')).toBe(process.arch);
    expect(Number(facts.get('cores'))).toBeGreaterThan(0);
    expect(Number(facts.get('memory_gib'))).toBeGreaterThan(0);
    expect(facts.get('kernel')).toMatch(/^\d+\.\d+/);
    expect(facts.get('bash')).toMatch(/^\d+\.\d+/);
    expect(facts.get('node')).toMatch(/^\d+\.\d+\.\d+$/);
  });

  it('keeps what it knew of a runtime that does not answer in time, and forgets one that is gone', async () => {
    const known = [fact('git', '2.1', 'FINGERPRINT'), fact('perl', '5.36', 'FINGERPRINT')];
    const folder = mkdtempSync(join(tmpdir(), 'locum-runtimes-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, 'git'), '#!/bin/sh\nexec /bin/sleep 60\n', { mode: 0o755 });
    const { facts, isSure } = await fingerprint({ PATH: folder }, known);
    expect(isSure).toBe(false);
    expect(facts).toContainEqual(fact('git', '2.1', 'FINGERPRINT'));
    expect(facts.map(({ name }) => name)).not.toContain('perl');
  });

  it('finds all versions of a runtime that are installed side by side, and each as far as its minor version', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'locum-runtimes-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const lines = ['AspNetCore.App 3.1.32', 'NETCore.App 2.1.30', 'NETCore.App 3.1.32', 'NETCore.App 8.0.0-rc.1'];
    const listed = lines.map((line) => `echo 'Microsoft.${line} [/usr/share/dotnet/shared]'`).join('\n');
    writeFileSync(join(folder, 'dotnet'), `#!/bin/sh\n[ "$1" = --list-runtimes ] || exit 1\n${listed}\n`, {
      mode: 0o755,
    });
    const { facts } = await fingerprint({ PATH: folder });
    const versions = mergeCapabilities(facts).flatMap(({ name, value }) => (name === 'dotnet' ? [value] : []));
    expect(versions).toEqual(['2.1', '2.1.30', '3.1', '3.1.32', '8.0', '8.0.0-rc.1']);
  });

  it('sees by their files that runtimes came, changed and went', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'locum-runtimes-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const seen = () => runtimeFiles({ PATH: `/nowhere:${folder}` });
    const none = await seen();
    writeFileSync(join(folder, 'git'), 'one', { mode: 0o755 });
    const came = await seen();
    expect(came).not.toBe(none);
    expect(await seen()).toBe(came);
    writeFileSync(join(folder, 'git'), 'another');
    expect(await seen()).not.toBe(came);
    rmSync(join(folder, 'git'));
    expect(await seen()).toBe(none);
    writeFileSync(join(folder, 'dotnet'), '', { mode: 0o755 });
    const one = await seen();
    mkdirSync(join(folder, 'shared/Microsoft.NETCore.App/8.0.11'), { recursive: true });
    expect(await seen()).not.toBe(one);
  });

  it('finds no runtime where there is none', async () => {
    const names = (await fingerprint({ PATH: '/nowhere' })).facts.map(({ name }) => name);
    expect(names).toContain('os');
    expect(names).not.toContain('node');
  });
});
