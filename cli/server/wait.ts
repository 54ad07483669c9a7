/** `locum server wait`. */
import { createClient, type Transport } from '@connectrpc/connect';
import { IntentSchema, Liveness, LivenessSchema, type Server } from '../../shared/gen/locum/v1/server_pb.ts';
import { GetServerResponseSchema, ServerService } from '../../shared/gen/locum/v1/server_service_pb.ts';
import { nameIn } from '../client/names.ts';
import { withTransport } from '../client/session.ts';
import type { Globals } from '../globals.ts';
import { printAnswer } from '../output/print.ts';
import { idOf, word } from '../output/words.ts';
import { checkGoal, follow, type Standing, type WaitOptions } from '../wait.ts';
import { serverView } from './view.ts';

const GOALS = ['alive', 'available', 'suspect', 'missing', 'left', 'drained', 'gone'] as const;
type Goal = (typeof GOALS)[number];

function reached(server: Server | undefined, goal: Goal): boolean {
  switch (goal) {
    case 'gone':
      return server === undefined;
    case 'alive':
      return server?.liveness === Liveness.ALIVE;
    case 'suspect':
      return server?.liveness === Liveness.SUSPECT;
    case 'missing':
      return server?.liveness === Liveness.MISSING;
    case 'left':
      return server?.liveness === Liveness.LEFT;
    case 'available':
      return server?.available === true;
    case 'drained':
      return server?.drain?.done === true;
  }
}

function inWords(server: Server | undefined): string {
  if (server === undefined) return 'it has not registered';
  const blocked = server.drain?.blocked ?? [];
  const state = `it is ${word(LivenessSchema, server.liveness)} and ${word(IntentSchema, server.intent)}`;
  return blocked.length === 0 ? state : `${state}; not moved yet: ${blocked.join('; ')}`;
}

export async function waitForServer(
  transport: Transport,
  globals: Pick<Globals, 'timeout'>,
  name: string,
  goal: Goal,
): Promise<void> {
  const client = createClient(ServerService, transport);
  let server: Server | undefined;
  await follow({
    globals,
    goal: `${name} to be ${goal}`,
    open: (revision, signal) => client.watchServers({ revision }, { signal }),
    take: ({ change }) => {
      if (change.case === 'server' && change.value.name === name) server = change.value;
      if (change.case === 'deleted' && change.value === name) server = undefined;
    },
    judge: (): Standing => (reached(server, goal) ? { reached: true } : { reached: false, now: inWords(server) }),
  });
}

export async function wait(globals: Globals, id: string, options: WaitOptions): Promise<void> {
  const goal = checkGoal(GOALS, options.for);
  const name = nameIn('servers', id);
  await withTransport(globals, async (transport) => {
    await waitForServer(transport, globals, name, goal);
    if (goal === 'gone') return;
    const answer = await createClient(ServerService, transport).getServer({ name });
    const view = serverView(answer.server);
    await printAnswer(globals, GetServerResponseSchema, answer, { ...view, table: () => `${idOf(name)} is ${goal}.` });
  });
}
