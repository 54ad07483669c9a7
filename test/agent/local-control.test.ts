import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AgentNotRunningError, askAgentStatus, askAgentToLeave } from '../../agent/local-client.ts';
import { type AgentStatusReport, startLocalControl } from '../../agent/local-control.ts';

const report: AgentStatusReport = {
  ...{
    server: 'web-1',
    pool: 'default',
    pid: 1,
    version: '1',
    stateDir: '/s',
    controllers: ['a:1'],
    session: undefined,
  },
  ...{
    dialling: '',
    lastProblem: '',
    certificate: undefined,
    keeper: 'live',
    containment: 'CGROUP',
    uid: '',
    clusterId: '',
    highestTerm: 0,
  },
  ...{ leaving: false, attempts: [] },
};

let stateDir: string;
beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'locum-control-'));
});
afterEach(() => rmSync(stateDir, { recursive: true }));

describe('local control', () => {
  it('tells the status, and answers who asked to leave once the agent has left', async () => {
    const asked: number[] = [];
    const told = Promise.withResolvers<void>();
    const leave = (withinMs: number): void => {
      asked.push(withinMs);
      told.resolve();
    };
    const control = await startLocalControl({ stateDir, describe: () => report, leave });
    expect(await askAgentStatus(stateDir)).toEqual(JSON.parse(JSON.stringify(report)));
    const left = askAgentToLeave(stateDir, { withinMs: 1_500 });
    await told.promise;
    expect(asked).toEqual([1_500]);
    await control.close('the agent has left');
    expect(await left).toBe('the agent has left');
    await expect(askAgentStatus(stateDir)).rejects.toThrow(AgentNotRunningError);
  });

  it('works where the path of the state directory is too long for a socket', async () => {
    const deep = join(stateDir, 'd'.repeat(100), 'e'.repeat(100));
    mkdirSync(deep, { recursive: true });
    const control = await startLocalControl({ stateDir: deep, describe: () => report, leave: () => undefined });
    expect(await askAgentStatus(deep)).toMatchObject({ server: 'web-1' });
    await control.close('');
  });

  it('takes the place of a socket that a killed agent left', async () => {
    const options = { stateDir, describe: () => report, leave: () => undefined };
    await startLocalControl(options);
    const second = await startLocalControl(options);
    expect(await askAgentStatus(stateDir)).toMatchObject({ server: 'web-1' });
    await second.close('');
  });

  it.each([
    ['{}', 400],
    ['{"withinMs": -1}', 400],
    ['{"withinMs": "soon"}', 400],
    ['no json', 400],
  ])('refuses to leave by %s', async (body, status) => {
    const leave = (): void => expect.unreachable('it must not leave');
    const control = await startLocalControl({ stateDir, describe: () => report, leave });
    const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
    const call = request({ socketPath: join(stateDir, 'agent.sock'), method: 'POST', path: '/leave' }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    call.on('error', reject);
    call.end(body);
    expect(await promise).toBe(status);
    await control.close('');
  });
});
