/** Who is told of events: looking, trying, and forgetting what is not configured any more. */
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import type { ServiceImpl } from '@connectrpc/connect';
import { toUint64 } from '../../shared/codec/numbers.ts';
import { notFound, stateProblem } from '../../shared/errors.ts';
import type { HookSchema } from '../../shared/gen/locum/v1/hook_pb.ts';
import {
  ForgetHookRequestSchema,
  type HookService,
  TestHookResponseSchema,
} from '../../shared/gen/locum/v1/hook_service_pb.ts';
import { callerKey } from '../../shared/rpc/caller.ts';
import { toDuration, toTimestamp } from '../../shared/rpc/time-messages.ts';
import { denied, rightsOf } from '../core/calls/permitted.ts';
import type { ClusterState } from '../core/cluster/cluster.ts';
import type { HookSettings, HooksPort } from '../hooks/hook.ts';
import { waitingEvents, wantedBy } from '../hooks/hook-source.ts';
import { type ApiContext, planOf, submit } from './api-context.ts';

const FOLDER = 'hooks/';
const idOf = (name: string): string => name.slice(FOLDER.length);

export function hookService(api: ApiContext): ServiceImpl<typeof HookService> {
  const { hooks } = api;
  return {
    listHooks: () => api.leaderTerm().read((state) => ({ hooks: [...shownHooks(hooks, state)] })),

    getHook: ({ name }) =>
      api.leaderTerm().read((state) => {
        const hook = shownHooks(hooks, state).find((one) => one.name === name);
        if (hook === undefined) throw notFound(name);
        return { hook };
      }),

    async testHook({ name }, context) {
      // Whoever leads tells hooks, so it is the one whose answer counts.
      await api.leaderTerm().confirmTerm();
      const hook = idOf(name);
      const { actor, principal } = context.values.get(callerKey);
      if (hooks.settings.some(({ name: own, target }) => own === hook && target.kind === 'COMMAND')) {
        const permission = 'hooks.run';
        const rights = await api.leaderTerm().read((state) => rightsOf(state, { principal, permission }));
        if (!rights.mayEverywhere(permission)) throw denied(permission);
      }
      const begin = performance.now();
      const { kind, outcome, said } = await hooks.test(hook, actor, context.signal);
      const took = toDuration(performance.now() - begin);
      return create(TestHookResponseSchema, { delivered: kind === 'TAKEN', outcome, answer: said, took });
    },

    async forgetHook(message, context) {
      const hook = idOf(message.name);
      if (hooks.settings.some(({ name }) => name === hook)) {
        const text = `${message.name} is in the configuration of the leader: take it out there first`;
        throw stateProblem('HOOK_CONFIGURED', message.name, text);
      }
      const submission = { schema: ForgetHookRequestSchema, message, context };
      return planOf(await submit(api, submission, { kind: 'forget_hook', hook }, 'gone'));
    },
  };
}

type Shown = MessageInitShape<typeof HookSchema> & { readonly name: string };

function shownHooks(hooks: HooksPort, state: ClusterState): readonly Shown[] {
  const configured = new Map(hooks.settings.map((settings) => [settings.name, settings]));
  const names = [...new Set([...configured.keys(), ...state.hooks.keys()])].sort();
  return names.map((name) => {
    const settings = configured.get(name);
    const known = state.hooks.get(name);
    const position = known?.position ?? state.meta.lastEvent;
    const { delivered, failed, problem } = hooks.progressOf(name);
    return {
      name: `${FOLDER}${name}`,
      ...(settings === undefined ? {} : configuredPart(settings)),
      position: toUint64(position),
      waitingEvents: toUint64(waitingEvents(state, wantedBy(settings?.only), position)),
      failingSinceTime: toTimestamp(known?.failing?.sinceWall),
      problem: problem ?? known?.failing?.problem ?? '',
      deliveredEvents: toUint64(delivered),
      failedTries: toUint64(failed),
    };
  });
}

/** Path and query of an address, and the arguments of a program, may be secrets. */
function configuredPart({ target, only: { types, minSeverity, about } }: HookSettings) {
  const only = { types: [...types], minSeverity: minSeverity ?? '', about: [...about] };
  const where = target.kind === 'WEBHOOK' ? target.url.origin : (target.argv[0] ?? '');
  return { kind: target.kind, target: where, only };
}
