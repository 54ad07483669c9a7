/** What `locum hook` prints, against a controller that tells one receiver and fails to tell another. */
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { forget } from '../../cli/hook/forget.ts';
import { list } from '../../cli/hook/list.ts';
import { show } from '../../cli/hook/show.ts';
import { test as tryHook } from '../../cli/hook/test.ts';
import type { HookSettings } from '../../controller/hooks/hook.ts';
import { type ControllerWorld, inWorld } from '../controller/controller-world.ts';
import { WebhookReceiver, writeSecrets } from '../controller/hooks/webhook-receiver.ts';

let shown = '';
let receiver: WebhookReceiver | undefined;

beforeEach(() => {
  shown = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((bytes) => {
    shown += typeof bytes === 'string' ? bytes : Buffer.from(bytes).toString();
    return true;
  });
});
afterEach(async () => {
  vi.restoreAllMocks();
  await receiver?.close();
});

const globalsOf = ({ controller }: ControllerWorld) => ({ address: [controller.apiAddress], output: 'table' as const });

async function saying(act: () => Promise<void>): Promise<string> {
  shown = '';
  await act();
  return shown;
}

/** `pager` tells a receiver, `dead` a port where nobody listens any more. */
async function withHooks(world: ControllerWorld): Promise<WebhookReceiver> {
  const secretFile = join(world.folder, 'secret');
  const made = new WebhookReceiver(writeSecrets(secretFile));
  receiver = made;
  const nobody = new WebhookReceiver([]);
  const deadPort = await nobody.listen();
  await nobody.close();
  const hook = (name: string, port: number): HookSettings => ({
    name,
    target: {
      ...{ kind: 'WEBHOOK', url: new URL(`http://127.0.0.1:${port}/in?token=hidden`), secretFile, caFile: undefined },
      ...{ timeoutMs: 5_000, allowLoopback: true },
    },
    only: { types: ['RUN_FAILED'], minSeverity: 'ERROR', about: ['pools/default'] },
  });
  await world.stop();
  await world.start({ hooks: [hook('pager', await made.listen()), hook('dead', deadPort)] });
  return made;
}

describe('locum hook', () => {
  it(
    'lists and shows hooks without what is secret in them',
    inWorld(async (world) => {
      await withHooks(world);
      const table = await saying(() => list(globalsOf(world)));
      expect(table).toMatch(/^HOOK +KIND +TARGET +STATE +WAITING/);
      expect(table).toMatch(/\npager +webhook +http:\/\/127\.0\.0\.1:\d+ +ok +0/);
      const one = await saying(() => show(globalsOf(world), 'pager'));
      expect(one).toMatch(/Only types: +RUN_FAILED\nOnly from: +ERROR\nOnly about: +pools\/default/);
      expect(`${table}${one}`).not.toMatch(/hidden|whsec|secret/);
    }),
  );

  it(
    'tries one that takes the event, and fails with why where it does not',
    inWorld(async (world) => {
      const made = await withHooks(world);
      expect(await saying(() => tryHook(globalsOf(world), 'pager'))).toMatch(/pager .*answered 204/);
      expect(made.taken.map(({ event }) => event.type)).toEqual(['locum.v1.HOOK_TEST']);
      await expect(tryHook(globalsOf(world), 'dead')).rejects.toThrow(
        /dead did not take the test event: .*ECONNREFUSED/,
      );
      await expect(tryHook(globalsOf(world), 'none')).rejects.toThrow(/hooks\/none does not exist/);
    }),
  );

  it(
    'forgets one that is not configured any more, after a dry run that forgets nothing',
    inWorld(
      async (world) => {
        await withHooks(world);
        await expect(forget(globalsOf(world), 'pager', { yes: true })).rejects.toThrow(/is in the configuration/);
        await world.stop();
        await world.start();
        const told = await saying(() => forget(globalsOf(world), 'pager', { dryRun: true }));
        expect(told).toContain('pager would be forgotten.');
        expect(await saying(() => list(globalsOf(world)))).toMatch(/\npager .*not configured/);
        expect(await saying(() => forget(globalsOf(world), 'pager', { yes: true }))).toContain('pager is forgotten.');
        expect(await saying(() => list(globalsOf(world)))).not.toContain('pager');
      },
      { store: 'sqlite' },
    ),
  );
});
