/** `locum hook list`. */
import { createClient } from '@connectrpc/connect';
import type { Hook } from '../../shared/gen/locum/v1/hook_pb.ts';
import { HookService, ListHooksResponseSchema } from '../../shared/gen/locum/v1/hook_service_pb.ts';
import { withTransport } from '../client/session.ts';
import type { Globals } from '../globals.ts';
import { printAnswer } from '../output/print.ts';
import { type Cell, type Column, cell, Table } from '../output/table.ts';
import { idOf } from '../output/words.ts';
import { stateOf } from './state.ts';

const columns: readonly Column<Hook>[] = [
  { head: 'HOOK', cell: ({ name }) => idOf(name) },
  { head: 'KIND', cell: ({ kind }) => kind.toLowerCase() },
  { head: 'TARGET', cell: ({ target }) => target },
  { head: 'STATE', cell: (hook): Cell => cell(stateOf(hook), stateOf(hook) === 'ok' ? 'good' : 'bad') },
  { head: 'WAITING', right: true, cell: ({ waitingEvents }) => waitingEvents.toString() },
  { head: 'TOLD', right: true, wide: true, cell: ({ deliveredEvents }) => deliveredEvents.toString() },
  { head: 'FAILED TRIES', right: true, wide: true, cell: ({ failedTries }) => failedTries.toString() },
  { head: 'AT EVENT', right: true, wide: true, cell: ({ position }) => position.toString() },
  { head: 'PROBLEM', cell: ({ problem }) => problem },
];

export async function list(globals: Globals): Promise<void> {
  await withTransport(globals, async (transport) => {
    const answer = await createClient(HookService, transport).listHooks({});
    await printAnswer(globals, ListHooksResponseSchema, answer, {
      table: (look) =>
        answer.hooks.length === 0
          ? 'No hooks: nobody is told of events. docs/notifications.md shows how to configure one.'
          : new Table(columns, look).render(answer.hooks),
      names: () => answer.hooks.map(({ name }) => name),
    });
  });
}
