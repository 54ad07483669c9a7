import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runLocum } from './locum-command.ts';

const TEST_TIMEOUT_MS = 90_000;
const NOWHERE = '127.0.0.1:1';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'locum-programs-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const listeners = ['--api-listen', '127.0.0.1:0', '--agent-listen', '127.0.0.1:0'];

/** One or two lines that a person understands; never a stack. */
function expectPlain(stderr: string): void {
  expect(stderr).not.toMatch(/^\s+at /m);
  expect(stderr).not.toContain('defect');
}

describe('a controller that can not start says why, and exits with 1', () => {
  it('the port is in use', { timeout: TEST_TIMEOUT_MS }, async () => {
    // Whoever once had this port may still be dialled: a connection that stays would hold up the end.
    const taken = createServer((connection) => connection.destroy());
    const port = await new Promise<number>((resolve) => {
      taken.listen(0, '127.0.0.1', () => {
        const address = taken.address();
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
    try {
      const words = [
        'controller',
        '--store',
        'memory:',
        '--api-listen',
        `127.0.0.1:${port}`,
        '--agent-listen',
        '127.0.0.1:0',
      ];
      const { code, stderr } = await runLocum(NOWHERE, words);
      expect(code).toBe(1);
      expect(stderr).toContain(`127.0.0.1:${port}`);
      expect(stderr).toContain('in use');
      expect(stderr).toContain('--api-listen');
      expectPlain(stderr);
    } finally {
      await new Promise((resolve) => taken.close(resolve));
    }
  });

  it('the store is no database', { timeout: TEST_TIMEOUT_MS }, async () => {
    const file = join(folder, 'broken.sqlite');
    writeFileSync(file, 'this was a database once '.repeat(400));
    const { code, stderr } = await runLocum(NOWHERE, ['controller', '--store', `sqlite:${file}`, ...listeners]);
    expect(code).toBe(1);
    expect(stderr).toContain(file);
    expectPlain(stderr);
  });

  it("its store is somebody else's database", { timeout: TEST_TIMEOUT_MS }, async () => {
    const file = join(folder, 'other.sqlite');
    const { DatabaseSync } = await import('node:sqlite');
    const database = new DatabaseSync(file);
    database.exec('CREATE TABLE addresses (name TEXT)');
    database.close();
    const { code, stderr } = await runLocum(NOWHERE, ['controller', '--store', `sqlite:${file}`, ...listeners]);
    expect(code).toBe(1);
    expect(stderr).toContain(file);
    expectPlain(stderr);
  });

  it('its configuration has an unknown field', { timeout: TEST_TIMEOUT_MS }, async () => {
    const file = join(folder, 'controller.yaml');
    writeFileSync(file, 'api_listen: 127.0.0.1:0\nagent_lisen: 127.0.0.1:0\n');
    const { code, stderr } = await runLocum(NOWHERE, ['controller', '--config', file]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/line 2.*did you mean "agent_listen"/);
    expectPlain(stderr);
  });
});

describe('an agent that can not start says why, and exits with 1', () => {
  it('its configuration has a wrong value', { timeout: TEST_TIMEOUT_MS }, async () => {
    const file = join(folder, 'agent.yaml');
    writeFileSync(file, 'server: Web_1\n');
    const { code, stderr } = await runLocum(NOWHERE, ['agent', '--config', file, '--state-dir', join(folder, 'agent')]);
    expect(code).toBe(1);
    expect(stderr).toContain('server');
    expectPlain(stderr);
  });

  it('asked to leave where none runs', { timeout: TEST_TIMEOUT_MS }, async () => {
    const { code, stderr } = await runLocum(NOWHERE, ['agent', 'leave', '--state-dir', join(folder, 'none')]);
    expect(code).toBe(1);
    expect(stderr).toContain('no agent can be reached');
    expectPlain(stderr);
  });
});

describe('the command itself', () => {
  it('says what to do when no controller answers', { timeout: TEST_TIMEOUT_MS }, async () => {
    const { code, stdout, stderr } = await runLocum(NOWHERE, ['status']);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain("can't reach a controller at 127.0.0.1:1");
    expect(stderr).toContain('locum dev');
  });

  it('tells its version without a controller', { timeout: TEST_TIMEOUT_MS }, async () => {
    const { code, stdout } = await runLocum(NOWHERE, ['version', '-o', 'json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ locum: expect.stringMatching(/^\d+\.\d+\.\d+/), node: process.versions.node });
  });

  it('names a file that is not there', { timeout: TEST_TIMEOUT_MS }, async () => {
    const { code, stderr } = await runLocum(NOWHERE, ['policy', 'apply', '-f', join(folder, 'missing.yaml')]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: .*missing\.yaml does not exist \(ENOENT\)/);
  });
});
