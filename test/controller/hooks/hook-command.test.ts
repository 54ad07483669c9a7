import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { HookSettings } from '../../../controller/hooks/hook.ts';
import { ACTOR_HEADER } from '../../../shared/rpc/actor-header.ts';
import { runWithoutDescriptors } from '../../without-descriptors.ts';
import { type ControllerWorld, eventually, inWorld } from '../controller-world.ts';

const POOLS = { types: ['POOL_CREATED'], minSeverity: undefined, about: [] } as const;

async function createPools({ api }: ControllerWorld, from: number, to: number): Promise<void> {
  for (let n = from; n <= to; n += 1) await api.pools.createPool({ pool: { name: `pools/p${n}` } });
}

describe('a command', () => {
  const script = (folder: string, text: string): string => {
    const file = join(folder, 'hook.sh');
    writeFileSync(file, `#!/bin/sh\n${text}\n`, { mode: 0o700 });
    return file;
  };
  const command = (argv: readonly string[], timeoutMs = 5_000): HookSettings => ({
    ...{ name: 'notify', only: POOLS },
    target: { kind: 'COMMAND', argv, timeoutMs },
  });

  it(
    'gets the event on its input and in its environment, of ours nothing, and no shell reads its arguments',
    inWorld(async (world) => {
      const out = join(world.folder, 'out');
      const file = script(
        world.folder,
        `cat > ${out}.json; env > ${out}.env; printf '%s' "$1" > ${out}.arg; : > ${out}.done`,
      );
      await world.stop();
      process.env['LOCUM_TEST_OF_OURS'] = 'secret';
      await world.start({ hooks: [command([file, '$(touch /tmp/never); `id`'])] });
      await createPools(world, 1, 1);
      await eventually(async () => (existsSync(`${out}.done`) ? true : undefined));
      delete process.env['LOCUM_TEST_OF_OURS'];
      expect(JSON.parse(readFileSync(`${out}.json`, 'utf8'))).toMatchObject({
        subject: 'pools/p1',
        data: { cause: 'OPERATOR' },
      });
      const env = readFileSync(`${out}.env`, 'utf8');
      expect(env).toMatch(/^LOCUM_EVENT_TYPE=POOL_CREATED$/m);
      expect(env).toMatch(/^LOCUM_HOOK=notify$/m);
      expect(env).not.toContain('LOCUM_TEST_OF_OURS');
      expect(readFileSync(`${out}.arg`, 'utf8')).toBe('$(touch /tmp/never); `id`');
    }),
  );

  it(
    'that does not end is killed with what it started; its output is shown by a test',
    inWorld(async (world) => {
      const pidFile = join(world.folder, 'pid');
      const file = script(world.folder, `sleep 1000 & echo $! > ${pidFile}; echo busy; wait`);
      await world.stop();
      await world.start({ hooks: [command([file], 500)] });
      const answer = await world.api.hooks.testHook({ name: 'hooks/notify' });
      expect(answer).toMatchObject({
        delivered: false,
        outcome: 'did not end within 0.5 s, and was killed',
        answer: 'busy\n',
      });
      const pid = Number(readFileSync(pidFile, 'utf8'));
      await eventually(async () => (isAlive(pid) ? undefined : true));
    }),
  );

  it(
    'that is run by a test stands in the audit, also when whoever wanted that hangs up',
    inWorld(async (world) => {
      const mark = join(world.folder, 'mark');
      const file = script(world.folder, `test -e ${mark} || exit 0; : > ${mark}.begun; sleep 1000`);
      await world.stop();
      await world.start({ hooks: [command([file])] });
      const { audit, hooks } = world.api;
      const request = { name: 'hooks/notify' };
      expect(await hooks.testHook(request, { headers: { [ACTOR_HEADER]: 'ann' } })).toMatchObject({ delivered: true });
      writeFileSync(mark, '');
      const hangUp = new AbortController();
      const tried = hooks.testHook(request, { signal: hangUp.signal, headers: { [ACTOR_HEADER]: 'bob' } }).then(
        () => 'told',
        () => 'hung up',
      );
      await eventually(async () => (existsSync(`${mark}.begun`) ? true : undefined));
      hangUp.abort();
      expect(await tried).toBe('hung up');
      const noted = await eventually(async () => {
        const { entries } = await audit.listAuditEntries({ method: 'TestHook' });
        return entries.length === 2 ? entries : undefined;
      });
      expect(noted.map(({ kind, principal, resource }) => `${kind} ${principal} ${resource}`).sort()).toEqual([
        'CHANGE operator:ann hooks/notify',
        'CHANGE operator:bob hooks/notify',
      ]);
    }),
    30_000,
  );

  it('that can not be started for want of descriptors is one that failed, and nothing that ends a leader', () => {
    const { status, stdout } = runWithoutDescriptors(join(import.meta.dirname, 'starved-program.ts'));
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'could not be run: spawn /bin/true EMFILE\n' });
  });

  it(
    'that fails is tried again until it takes the event',
    inWorld(async (world) => {
      const mark = join(world.folder, 'mark');
      const file = script(world.folder, `test -e ${mark} && exit 0; : > ${mark}; exit 3`);
      await world.stop();
      await world.start({ hooks: [command([file])] });
      await createPools(world, 1, 1);
      const { hook } = await eventually(async () => {
        const answer = await world.api.hooks.getHook({ name: 'hooks/notify' });
        return answer.hook?.deliveredEvents === 1n && answer.hook.waitingEvents === 0n ? answer : undefined;
      });
      expect(hook).toMatchObject({ failedTries: 1n, problem: '' });
    }),
    30_000,
  );
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A zombie that nobody has waited for is dead as well.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
