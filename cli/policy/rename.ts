/**
 * `locum policy rename`: another name for a policy, which is its identity. Under the new one nothing starts before every run under the old
 * one has ended, so nothing ever runs twice; whoever asks for the old name is told the new one. Stopped in the middle, it goes on where it
 * was when it is asked for again.
 */
import { clone } from '@bufbuild/protobuf';
import { type Client, createClient } from '@connectrpc/connect';
import { type Policy, PolicySchema } from '../../shared/gen/locum/v1/policy_pb.ts';
import { CreatePolicyResponseSchema, PolicyService } from '../../shared/gen/locum/v1/policy_service_pb.ts';
import { fromConnectError } from '../../shared/rpc/status-details.ts';
import { nameIn } from '../client/names.ts';
import { withTransport } from '../client/session.ts';
import { CommandFailure, EXIT } from '../exit-codes.ts';
import type { Globals } from '../globals.ts';
import { confirm } from '../output/ask.ts';
import { printAnswer, tell, tellDryRun, warn } from '../output/print.ts';
import { idOf, idsOf } from '../output/words.ts';
import { FORMERLY, RENAMED_TO } from './renamed-label.ts';
import { waitForPolicy } from './wait.ts';

export interface RenameOptions {
  readonly yes?: boolean;
  readonly dryRun?: boolean;
}

type Policies = Client<typeof PolicyService>;

export async function rename(globals: Globals, from: string, to: string, options: RenameOptions): Promise<void> {
  const [oldName, newName] = [nameIn('policies', from), nameIn('policies', to)];
  if (oldName === newName) throw new CommandFailure('that is its name already');
  await withTransport(globals, async (transport) => {
    const policies = createClient(PolicyService, transport);
    const old = await found(policies, oldName);
    const made = await found(policies, newName);
    if (made !== undefined && made.labels[FORMERLY] !== idOf(oldName))
      throw new CommandFailure(`there is another policy ${idOf(newName)} already`, EXIT.conflict);
    if (old === undefined && made === undefined) throw new CommandFailure(`${oldName} does not exist`, EXIT.notFound);
    if (old !== undefined && made === undefined) refusePaused(old, idOf(newName));
    const renamed = made ?? renamedOf(old, newName);
    if (made === undefined) await policies.createPolicy({ policy: renamed, validateOnly: true });
    if (options.dryRun === true) {
      const stops =
        old === undefined || old.runs.length === 0 ? 'nothing of it runs' : `${idsOf(old.runs)} would stop first`;
      tell(`${idOf(oldName)} would be called ${idOf(newName)}; ${stops}.`);
      return tellDryRun(true, '');
    }
    if (old !== undefined) {
      await confirm(`Stop all runs of ${idOf(oldName)}, and start them as ${idOf(newName)}?`, options);
      await stopForGood(policies, old, idOf(newName));
      tell(`Waiting until nothing of ${idOf(oldName)} runs any more …`);
      await waitForPolicy(transport, globals, oldName, 'idle');
    }
    const answer =
      made === undefined ? await policies.createPolicy({ policy: renamed }) : { policy: made, warnings: [] };
    if (old !== undefined) await policies.deletePolicy({ name: oldName });
    await printAnswer(
      globals,
      CreatePolicyResponseSchema,
      { planEtag: '', ...answer, $typeName: 'locum.v1.CreatePolicyResponse' },
      {
        table: () => `${idOf(oldName)} is called ${idOf(newName)} now.`,
        names: () => [newName],
      },
    );
    for (const warning of answer.warnings) warn(warning);
  });
}

/** Undefined: there is none. */
async function found(policies: Policies, name: string): Promise<Policy | undefined> {
  try {
    return (await policies.getPolicy({ name })).policy;
  } catch (error) {
    if (fromConnectError(error)?.reason === 'NOT_FOUND') return undefined;
    throw error;
  }
}

/** A new policy is not paused, so it would start. One that an earlier call of this command has paused is no obstacle. */
function refusePaused({ name, paused, labels }: Policy, newId: string): void {
  if (!paused || labels[RENAMED_TO] === newId) return;
  throw new CommandFailure(`${idOf(name)} is paused, and would start under its new name: resume it first`);
}

function renamedOf(old: Policy | undefined, name: string): Policy {
  if (old === undefined) throw new CommandFailure('there is nothing to rename', EXIT.notFound);
  const renamed = clone(PolicySchema, old);
  const { [RENAMED_TO]: _, ...labels } = old.labels;
  renamed.labels = { ...labels, [FORMERLY]: idOf(old.name) };
  renamed.name = name;
  renamed.etag = '';
  return renamed;
}

/** Notes first what for: whoever finds it stopped knows, and this command does when it is repeated. */
async function stopForGood(policies: Policies, { name, labels, etag }: Policy, newId: string): Promise<void> {
  const policy = { name, etag, labels: { ...labels, [RENAMED_TO]: newId } };
  await policies.updatePolicy({ policy, updateMask: { paths: ['labels'] } });
  await policies.pausePolicy({ name });
  await policies.stopPolicy({ name });
}
