/** `locum pool set | create | delete`. */
import { createClient } from '@connectrpc/connect';
import { Failback } from '../../shared/gen/locum/v1/policy_pb.ts';
import {
  CreatePoolResponseSchema,
  DeletePoolResponseSchema,
  PoolService,
  UpdatePoolResponseSchema,
} from '../../shared/gen/locum/v1/pool_service_pb.ts';
import { toDuration } from '../../shared/rpc/time-messages.ts';
import { nameIn } from '../client/names.ts';
import { withTransport } from '../client/session.ts';
import { CommandFailure } from '../exit-codes.ts';
import { type DryRunOption, type Globals, isDryRun, trialOf } from '../globals.ts';
import { confirm } from '../output/ask.ts';
import { printAnswer, tellDryRun } from '../output/print.ts';
import { poolView } from './view.ts';

/** Spans in milliseconds. */
export interface PoolOptions extends DryRunOption {
  readonly heartbeatInterval?: number;
  readonly suspectAfter?: number;
  readonly lease?: number;
  readonly stopTimeout?: number;
  readonly killGuard?: number;
  readonly missingAfter?: number;
  readonly defaultMaxSlots?: number;
  readonly defaultFailback?: 'never' | 'on-next-start' | 'auto' | 'manual';
  readonly etag?: string;
}

const failbacks = {
  never: Failback.NEVER,
  'on-next-start': Failback.ON_NEXT_START,
  auto: Failback.AUTO,
  manual: Failback.MANUAL,
} as const;

const timerPaths = {
  heartbeatInterval: 'timers.heartbeat_interval',
  suspectAfter: 'timers.suspect_after',
  lease: 'timers.lease',
  stopTimeout: 'timers.stop_timeout',
  killGuard: 'timers.kill_guard',
  missingAfter: 'timers.missing_after',
} as const;

function poolOf(id: string, options: PoolOptions) {
  const { defaultMaxSlots, defaultFailback } = options;
  return {
    name: nameIn('pools', id),
    etag: options.etag ?? '',
    timers: {
      heartbeatInterval: toDuration(options.heartbeatInterval),
      suspectAfter: toDuration(options.suspectAfter),
      lease: toDuration(options.lease),
      stopTimeout: toDuration(options.stopTimeout),
      killGuard: toDuration(options.killGuard),
      missingAfter: toDuration(options.missingAfter),
    },
    ...(defaultMaxSlots === undefined ? {} : { defaultMaxSlots }),
    ...(defaultFailback === undefined ? {} : { defaultFailback: failbacks[defaultFailback] }),
  };
}

/** The fields that the user named, and no others. */
function pathsOf(options: PoolOptions): string[] {
  const timers = Object.entries(timerPaths).filter(([key]) => Reflect.get(options, key) !== undefined);
  return [
    ...timers.map(([, path]) => path),
    ...(options.defaultMaxSlots === undefined ? [] : ['default_max_slots']),
    ...(options.defaultFailback === undefined ? [] : ['default_failback']),
  ];
}

export async function set(globals: Globals, id: string, options: PoolOptions): Promise<void> {
  const paths = pathsOf(options);
  if (paths.length === 0) throw new CommandFailure('say what to change; "locum pool set --help" lists what can be');
  await withTransport(globals, async (transport) => {
    const answer = await createClient(PoolService, transport).updatePool({
      pool: poolOf(id, options),
      updateMask: { paths },
      ...trialOf(options),
    });
    await printAnswer(globals, UpdatePoolResponseSchema, answer, poolView(answer.pool));
    tellDryRun(isDryRun(options), answer.planEtag);
  });
}

export async function create(globals: Globals, id: string, options: PoolOptions): Promise<void> {
  await withTransport(globals, async (transport) => {
    const answer = await createClient(PoolService, transport).createPool({
      pool: poolOf(id, options),
      ...trialOf(options),
    });
    await printAnswer(globals, CreatePoolResponseSchema, answer, poolView(answer.pool));
    tellDryRun(isDryRun(options), answer.planEtag);
  });
}

export interface DeletePoolOptions extends DryRunOption {
  readonly etag?: string;
  readonly yes?: boolean;
}

export async function remove(
  globals: Globals,
  id: string,
  { etag = '', ...options }: DeletePoolOptions,
): Promise<void> {
  const name = nameIn('pools', id);
  const validateOnly = isDryRun(options);
  if (!validateOnly) await confirm(`Delete pool ${id}?`, options);
  await withTransport(globals, async (transport) => {
    const answer = await createClient(PoolService, transport).deletePool({ name, etag, ...trialOf(options) });
    await printAnswer(globals, DeletePoolResponseSchema, answer, {
      table: () => `${id} ${validateOnly ? 'would be' : 'is'} gone.`,
      names: () => [name],
    });
    tellDryRun(validateOnly, answer.planEtag);
  });
}
