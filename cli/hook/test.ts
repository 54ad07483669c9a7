/** `locum hook test`. */
import { createClient } from '@connectrpc/connect';
import { HookService, TestHookResponseSchema } from '../../shared/gen/locum/v1/hook_service_pb.ts';
import { nameIn } from '../client/names.ts';
import { withTransport } from '../client/session.ts';
import { CommandFailure } from '../exit-codes.ts';
import type { Globals } from '../globals.ts';
import { printAnswer } from '../output/print.ts';
import { idOf, span } from '../output/words.ts';

/** Longer than any hook may take. */
const TIMEOUT_MS = 310_000;

export async function test(globals: Globals, id: string): Promise<void> {
  const name = nameIn('hooks', id);
  await withTransport({ ...globals, timeout: globals.timeout ?? TIMEOUT_MS }, async (transport) => {
    const answer = await createClient(HookService, transport).testHook({ name });
    const { delivered, outcome, took } = answer;
    await printAnswer(globals, TestHookResponseSchema, answer, {
      table: () =>
        [
          `${idOf(name)} ${outcome}, after ${span(took)}.`,
          ...(answer.answer === '' ? [] : [answer.answer.trimEnd()]),
        ].join('\n'),
      names: () => [name],
    });
    if (!delivered) throw new CommandFailure(`${idOf(name)} did not take the test event: ${outcome}`);
  });
}
