/** `locum run logs`: the bytes of a policy, as it wrote them; on a terminal without what would act on it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, createClient, type Transport } from '@connectrpc/connect';
import { readOutput } from '../../sdk/typescript/output-reader.ts';
import { tailOffset } from '../../sdk/typescript/output-tail.ts';
import { count } from '../../shared/count.ts';
import type { Attempt, Run } from '../../shared/gen/locum/v1/run_pb.ts';
import { RunService, StreamOutputResponseSchema } from '../../shared/gen/locum/v1/run_service_pb.ts';
import { fromConnectError } from '../../shared/rpc/status-details.ts';
import { toTimestamp } from '../../shared/rpc/time-messages.ts';
import { resolveRun } from '../client/names.ts';
import { withTransport } from '../client/session.ts';
import { CommandFailure, EXIT } from '../exit-codes.ts';
import type { Globals } from '../globals.ts';
import { printStreamed, tell, tellAnyway } from '../output/print.ts';
import { idOf } from '../output/words.ts';
import { LineTimes } from './line-times.ts';
import { TerminalOutput } from './terminal-output.ts';

export interface LogsOptions {
  readonly follow?: boolean;
  readonly epoch?: bigint;
  /** Lines. */
  readonly tail?: number;
  /** Bytes. */
  readonly offset?: number;
  /** Wall time in milliseconds. */
  readonly since?: number;
  readonly until?: number;
  readonly timestamps?: boolean;
  readonly previous?: boolean;
  readonly all?: boolean;
}

type Runs = Client<typeof RunService>;

/** Between two looks whether a run has a newer attempt. */
const LOOK_MS = 500;

const rotatedOut = (bytes: number): string => `[${count(bytes, 'byte')} ${bytes === 1 ? 'was' : 'were'} rotated out]`;

export async function logs(globals: Globals, id: string, options: LogsOptions): Promise<void> {
  refuseContradictions(options);
  if (options.tail === 0 && options.follow !== true) return;
  await withTransport(globals, async (transport) => {
    const runs = createClient(RunService, transport);
    const name = await resolveRun(transport, id, 'NEWEST');
    if (options.all === true) return showAll(globals, runs, name, options);
    const epoch = options.previous === true ? await previousEpoch(runs, name) : (options.epoch ?? 0n);
    const offset = await startOf(runs, { name, epoch }, options);
    if (options.follow === true) return follow(globals, transport, { name, epoch, offset }, options);
    const pieces = readOutput(runs, { name, epoch, offset, follow: false, ...spanOf(options) });
    await show(globals, pieces, offset, options);
  });
}

function refuseContradictions({ tail, offset, epoch, previous, all, follow: goesOn }: LogsOptions): void {
  if (tail !== undefined && offset !== undefined) throw new CommandFailure('give --tail or --offset, not both');
  const which = [epoch !== undefined, previous === true, all === true].filter(Boolean).length;
  if (which > 1) throw new CommandFailure('give one of --epoch, --previous and --all');
  if (all === true && (goesOn === true || tail !== undefined || offset !== undefined)) {
    throw new CommandFailure('--all shows everything that is kept: leave out --follow, --tail and --offset');
  }
}

function spanOf({ since, until }: LogsOptions) {
  return { sinceTime: toTimestamp(since), untilTime: toTimestamp(until) };
}

interface Place {
  readonly name: string;
  readonly epoch: bigint;
}

async function startOf(runs: Runs, { name, epoch }: Place, options: LogsOptions): Promise<bigint> {
  const { tail, offset = 0 } = options;
  if (tail === undefined) return BigInt(offset);
  return tailOffset(runs, { name, epoch, lines: tail, ...spanOf(options) });
}

/** Shows pieces, and says what is missing between them. Answers with the epoch that they were of. */
async function show(
  globals: Globals,
  pieces: ReturnType<typeof readOutput>,
  offset: bigint,
  options: LogsOptions,
): Promise<bigint> {
  const out = process.stdout.isTTY ? new TerminalOutput() : undefined;
  const times = options.timestamps === true ? new LineTimes() : undefined;
  const asksTimes = times !== undefined || options.since !== undefined || options.until !== undefined;
  // Older lines are left out, not lost.
  let next = options.since === undefined ? offset : undefined;
  let epoch = 0n;
  let toldUnknown = false;
  for await (const piece of pieces) {
    ({ epoch } = piece);
    if (globals.output === 'json' || globals.output === 'yaml') {
      await printStreamed(globals, StreamOutputResponseSchema, piece, { table: () => '', names: () => [] });
      continue;
    }
    if (next !== undefined && piece.offset > next) tellAnyway(rotatedOut(Number(piece.offset - next)));
    next = piece.offset + BigInt(piece.data.length);
    if (asksTimes && piece.times.length === 0 && !toldUnknown) {
      tellAnyway('[when this was written is not known, so it counts as new]');
      toldUnknown = true;
    }
    const data = times === undefined ? piece.data : times.stamped(piece);
    process.stdout.write(out === undefined ? data : out.shown(data));
  }
  return epoch;
}

async function runNamed(runs: Runs, name: string): Promise<Run> {
  const { run } = await runs.getRun({ name });
  if (run === undefined) throw new CommandFailure(`${name} does not exist`, EXIT.notFound);
  return run;
}

async function previousEpoch(runs: Runs, name: string): Promise<bigint> {
  const attempt = (await runNamed(runs, name)).attempts.at(-2);
  if (attempt === undefined) throw new CommandFailure(`${idOf(name)} has had one attempt only`, EXIT.notFound);
  return attempt.epoch;
}

const headOf = ({ epoch, server }: Attempt): string => `— epoch ${epoch} on ${idOf(server)} —`;

/** Each attempt that is on record, oldest first. Of one whose output is kept no longer, or whose host is away, that is said. */
async function showAll(globals: Globals, runs: Runs, name: string, options: LogsOptions): Promise<void> {
  for (const attempt of (await runNamed(runs, name)).attempts) {
    tell(headOf(attempt));
    try {
      const request = { name, epoch: attempt.epoch, offset: 0n, follow: false, ...spanOf(options) };
      await show(globals, readOutput(runs, request), 0n, options);
    } catch (error) {
      const known = fromConnectError(error);
      if (known?.reason !== 'OUTPUT_NOT_FOUND' && known?.reason !== 'AGENT_UNREACHABLE') throw error;
      tellAnyway(`[${known.message}]`);
    }
  }
}

/** The run has gone on as a newer attempt: the one that is read has nothing more to say, or nobody who could say it. */
class Superseded extends Error {}

/** Goes on with the next attempt, on whichever server, until the run has ended. */
async function follow(
  globals: Globals,
  transport: Transport,
  { name, epoch: first, offset: from }: Place & { readonly offset: bigint },
  options: LogsOptions,
): Promise<void> {
  const runs = createClient(RunService, transport);
  let epoch = first === 0n ? await newerThan(runs, name, 0n) : first;
  let offset = from;
  while (epoch !== undefined) {
    const current = epoch;
    const pause = async (): Promise<void> => {
      await sleep(LOOK_MS);
      if (await hasNewer(runs, name, current)) throw new Superseded();
    };
    try {
      const request = { name, epoch: current, offset, follow: true, ...spanOf(options) };
      await show(globals, readOutput(runs, request, pause), offset, options);
    } catch (error) {
      if (!isOver(error)) throw error;
      if (!(error instanceof Superseded)) tellAnyway(`[${fromConnectError(error)?.message ?? String(error)}]`);
    }
    // What comes now is later.
    if (options.until !== undefined && Date.now() > options.until) return;
    epoch = await newerThan(runs, name, current);
    offset = 0n;
    if (epoch === undefined) return;
    const attempt = (await runNamed(runs, name)).attempts.find((one) => one.epoch === epoch);
    if (attempt !== undefined) tell(headOf(attempt));
  }
}

/** Nothing more of this attempt can be had here; another one may come. */
function isOver(error: unknown): boolean {
  if (error instanceof Superseded) return true;
  const reason = fromConnectError(error)?.reason;
  return reason === 'AGENT_UNREACHABLE' || reason === 'OUTPUT_NOT_FOUND';
}

async function hasNewer(runs: Runs, name: string, epoch: bigint): Promise<boolean> {
  try {
    return (await runNamed(runs, name)).attempts.some((one) => one.epoch > epoch);
  } catch {
    // Who can't be asked now is asked again.
    return false;
  }
}

/** The first attempt after this epoch (after 0n: the newest one), once there is one. Undefined: the run has ended without. */
async function newerThan(runs: Runs, name: string, epoch: bigint): Promise<bigint | undefined> {
  for (;;) {
    const { attempts, endTime } = await runNamed(runs, name);
    const next = epoch === 0n ? attempts.at(-1) : attempts.find((one) => one.epoch > epoch);
    if (next !== undefined) return next.epoch;
    if (endTime !== undefined) return undefined;
    await sleep(LOOK_MS);
  }
}
