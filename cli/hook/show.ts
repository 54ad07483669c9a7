/** `locum hook show`. */
import { createClient } from '@connectrpc/connect';
import type { Hook } from '../../shared/gen/locum/v1/hook_pb.ts';
import { GetHookResponseSchema, HookService } from '../../shared/gen/locum/v1/hook_service_pb.ts';
import { nameIn } from '../client/names.ts';
import { withTransport } from '../client/session.ts';
import type { Globals } from '../globals.ts';
import { printAnswer } from '../output/print.ts';
import { renderFacts } from '../output/table.ts';
import { idOf } from '../output/words.ts';
import { stateOf } from './state.ts';

export async function show(globals: Globals, id: string): Promise<void> {
  const name = nameIn('hooks', id);
  await withTransport(globals, async (transport) => {
    const answer = await createClient(HookService, transport).getHook({ name });
    const { hook } = answer;
    await printAnswer(globals, GetHookResponseSchema, answer, {
      table: () => (hook === undefined ? '' : shown(hook)),
      names: () => [name],
    });
  });
}

function shown(hook: Hook): string {
  const { name, kind, target, only, position, waitingEvents, problem, deliveredEvents, failedTries } = hook;
  const { types = [], minSeverity = '', about = [] } = only ?? {};
  return renderFacts([
    ['Hook', idOf(name)],
    ['State', stateOf(hook)],
    ['Problem', problem],
    ['Tells', kind === '' ? '' : `${kind.toLowerCase()} ${target}`],
    ['Only types', types.join(', ')],
    ['Only from', minSeverity],
    ['Only about', about.join(', ')],
    ['At event', position.toString()],
    ['Waiting', waitingEvents.toString()],
    ['Told', `${deliveredEvents} since this leader leads, ${failedTries} failed tries`],
  ]);
}
