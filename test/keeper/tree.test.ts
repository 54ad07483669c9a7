/** Programs that fork away: what is stopped is the whole tree, and a stop is proven. */
import { describe, expect, it, type TestContext } from 'vitest';
import { Containment } from '../../shared/gen/locum/keeper/v1/keeper_service_pb.ts';
import { EndCause } from '../../shared/gen/locum/v1/run_pb.ts';
import { runningProcesses, startEnvironment } from '../../shared/host/process-table.ts';
import { isRunning, sharedKeeper, type TestAgent, withRealKeepers, written } from './rig.ts';

withRealKeepers();

/** Scripts that make a process which tries to survive: it ignores SIGTERM and writes its id to FILE. */
const survivors = {
  'a child that ignores SIGTERM': 'survive &',
  'a child in a session of its own': 'setsid sh "$0" survive &',
  'a child in a session of its own, whose parents are gone': '(setsid sh -c "sh \\"$0\\" survive &" "$0" &)',
  'a child that is stopped with SIGSTOP': 'survive & while [ ! -s "$FILE" ]; do sleep 0.01; done; kill -STOP $!',
};

const script = (code: string): string => `
  survive() {
    trap '' TERM
    sh -c 'echo $PPID' > "$FILE.new"
    mv "$FILE.new" "$FILE"
    while :; do sleep 60; done
  }
  [ "$1" = survive ] && survive
  ${code}
  while :; do sleep 60; done
`;

/** Eighty shells that ignore SIGTERM, each made by the one before, and what they run. */
const bomb = `
  n() {
    if [ "$1" -ge 80 ]; then echo full > "$FILE"; else n $(($1 + 1)) & fi
    while :; do sleep 60; done
  }
  trap '' TERM
  n 1
`;

for (const containment of ['cgroup', 'process-group'] as const) {
  describe(`with a ${containment} for each attempt`, () => {
    const setUp = async (ctx: TestContext) => {
      const shared = await sharedKeeper({ containment });
      const found = shared.agent.connection.opened.containment;
      if (containment === 'cgroup' && found !== Containment.CGROUP) ctx.skip('this host or user has no cgroup v2');
      return shared;
    };

    for (const [name, code] of Object.entries(survivors)) {
      it(`${name} is dead once its attempt has ended`, async (ctx) => {
        const { rig, agent } = await setUp(ctx);
        const FILE = rig.file();
        const pid = await agent.run({
          interpreter: ['/bin/sh'],
          does: script(code),
          env: { FILE },
          stopTimeoutMs: 150,
        });
        const survivor = rig.track(Number(await written(FILE)));
        expect(survivor).not.toBe(pid);
        await agent.stop();
        expect(await agent.end()).toMatchObject({ cause: EndCause.STOPPED });
        expect([isRunning(pid), isRunning(survivor)]).toEqual([false, false]);
      });
    }

    it('a bounded fork bomb is dead once its attempt has ended', async (ctx) => {
      const { rig, agent } = await setUp(ctx);
      const FILE = rig.file();
      await agent.run({ interpreter: ['/bin/sh'], does: bomb, env: { FILE }, stopTimeoutMs: 100 });
      await written(FILE);
      expect((await processesOf(agent)).length).toBeGreaterThan(80);
      await agent.stop();
      expect(await agent.end()).toMatchObject({ cause: EndCause.STOPPED, signal: 'SIGKILL' });
      expect(await processesOf(agent)).toEqual([]);
    });

    it('SIGTERM is heard by every process, so that a tree can end well', async (ctx) => {
      const { rig, agent } = await setUp(ctx);
      const [FILE, ENDED] = [rig.file(), rig.file()];
      const child = `trap 'echo well > "$ENDED"; exit' TERM; echo ready > "$FILE"; while :; do sleep 0.01; done`;
      const does = `setsid sh -c '${child.replaceAll("'", "'\\''")}' & wait`;
      await agent.run({ does, env: { FILE, ENDED }, stopTimeoutMs: 5_000 });
      await written(FILE);
      await agent.stop();
      expect(await written(ENDED)).toBe('well');
      await agent.end();
    });
  });
}

/** Ids of the processes that inherited the attempt's environment. */
async function processesOf(agent: TestAgent): Promise<number[]> {
  const found: number[] = [];
  for (const { pid } of runningProcesses()) {
    if ((await startEnvironment(pid)).includes(`LOCUM_RUN=${agent.job}`)) found.push(pid);
  }
  return found;
}
