/** `locum run move | stop | release`. */
import { createClient } from '@connectrpc/connect';
import type { Run } from '../../shared/gen/locum/v1/run_pb.ts';
import {
  MoveRunResponseSchema,
  ReleaseRunResponseSchema,
  RunService,
  StopRunResponseSchema,
} from '../../shared/gen/locum/v1/run_service_pb.ts';
import { nameIn, resolveRun } from '../client/names.ts';
import { withTransport } from '../client/session.ts';
import { CommandFailure } from '../exit-codes.ts';
import { type DryRunOption, type Globals, isDryRun, trialOf } from '../globals.ts';
import { confirm } from '../output/ask.ts';
import { printAnswer, tellDryRun, type View } from '../output/print.ts';
import { idOf } from '../output/words.ts';
import { runLine } from './view.ts';

const lineView = (run: Run | undefined, line = runLine): View => ({
  table: () => (run === undefined ? '' : line(run)),
  names: () => (run === undefined ? [] : [run.name]),
});

export async function move(
  globals: Globals,
  id: string,
  server: string | undefined,
  options: DryRunOption,
): Promise<void> {
  await withTransport(globals, async (transport) => {
    const name = await resolveRun(transport, id);
    const target = server === undefined ? '' : nameIn('servers', server);
    const validateOnly = isDryRun(options);
    const answer = await createClient(RunService, transport).moveRun({ name, server: target, ...trialOf(options) });
    const view = lineView(answer.run, (run) => {
      const to = run.reservedServer === '' ? '' : ` to ${idOf(run.reservedServer)}`;
      const verb = validateOnly ? 'would move' : 'moves';
      return `${idOf(run.name)} ${verb} from ${idOf(run.server)}${to}.`;
    });
    await printAnswer(globals, MoveRunResponseSchema, answer, view);
    tellDryRun(validateOnly, answer.planEtag);
  });
}

export async function stop(globals: Globals, id: string, options: DryRunOption): Promise<void> {
  const validateOnly = isDryRun(options);
  await withTransport(globals, async (transport) => {
    const name = await resolveRun(transport, id);
    const answer = await createClient(RunService, transport).stopRun({ name, ...trialOf(options) });
    const view = lineView(answer.run, (run) => (validateOnly ? `${idOf(run.name)} would stop.` : runLine(run)));
    await printAnswer(globals, StopRunResponseSchema, answer, view);
    tellDryRun(validateOnly, answer.planEtag);
  });
}

export interface ReleaseOptions extends DryRunOption {
  readonly abandonAttempt?: boolean;
  readonly reason?: string;
  readonly yes?: boolean;
}

export async function release(
  globals: Globals,
  id: string,
  { abandonAttempt, reason = '', yes, ...options }: ReleaseOptions,
): Promise<void> {
  const validateOnly = isDryRun(options);
  await withTransport(globals, async (transport) => {
    const name = await resolveRun(transport, id);
    if (abandonAttempt === true) {
      if (reason === '') throw new CommandFailure('--abandon-attempt needs --reason: it is kept in the event log');
      const question = `The processes of ${idOf(name)} may still run, and would then run twice.\nTreat its attempt as ended?`;
      if (!validateOnly) await confirm(question, { yes });
    }
    const answer = await createClient(RunService, transport).releaseRun({
      name,
      abandonAttempt: abandonAttempt === true,
      reason,
      ...trialOf(options),
    });
    const view = lineView(answer.run, (run) => (validateOnly ? `${idOf(run.name)} would be released.` : runLine(run)));
    await printAnswer(globals, ReleaseRunResponseSchema, answer, view);
    tellDryRun(validateOnly, answer.planEtag);
  });
}
