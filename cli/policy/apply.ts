/** `locum policy apply`: files are the truth. All documents are checked before the first one changes anything. */
import { createClient, type Transport } from '@connectrpc/connect';
import {
  PolicyService,
  type UpdatePolicyResponse,
  UpdatePolicyResponseSchema,
} from '../../shared/gen/locum/v1/policy_service_pb.ts';
import { checkPlan, joinedPlan } from '../client/plans.ts';
import { withTransport } from '../client/session.ts';
import { CommandFailure, EXIT } from '../exit-codes.ts';
import { type DryRunOption, type Globals, isDryRun } from '../globals.ts';
import { printStreamed, tellDryRun, warn } from '../output/print.ts';
import { idOf } from '../output/words.ts';
import { placed, readPolicies, type Source } from './files.ts';

export interface ApplyOptions extends DryRunOption {
  readonly file: readonly string[];
}

const MAX_VALUE = 60;

function valueText(json: string): string {
  if (json === '') return '(not set)';
  return json.length > MAX_VALUE ? `${json.slice(0, MAX_VALUE)}… (${json.length} characters)` : json;
}

/** What was done, or would be; of a dry run field by field. */
export function outcomeText(id: string, { created, changes, effects }: UpdatePolicyResponse, dryRun: boolean): string {
  const outcome = created ? 'created' : changes.length === 0 ? 'unchanged' : 'updated';
  const fields = dryRun ? changes : [];
  return [
    dryRun ? `${id} would be ${outcome}` : `${id} ${outcome}`,
    ...fields.map(({ field, before, after }) => `  ${field}: ${valueText(before)} → ${valueText(after)}`),
    ...(dryRun || !created ? effects : []).map(
      ({ run, message }) => `  ${run === '' ? '' : `${idOf(run)} `}${message}`,
    ),
  ].join('\n');
}

/** Checks change nothing, so they need not wait for each other; what is applied is applied in its order. */
const CHECKED_AT_ONCE = 16;

/** What applying them would do, in their order. @throws LocumError that names the file */
async function tryAll(transport: Transport, sources: readonly Source[]): Promise<readonly UpdatePolicyResponse[]> {
  const tried: UpdatePolicyResponse[] = [];
  for (let from = 0; from < sources.length; from += CHECKED_AT_ONCE) {
    const some = sources.slice(from, from + CHECKED_AT_ONCE);
    tried.push(...(await Promise.all(some.map((one) => send(transport, one, { validateOnly: true, ifPlan: '' })))));
  }
  return tried;
}

async function send(
  transport: Transport,
  one: Source,
  terms: { readonly validateOnly: boolean; readonly ifPlan: string },
): Promise<UpdatePolicyResponse> {
  try {
    const client = createClient(PolicyService, transport);
    return await client.updatePolicy({ policy: one.policy, allowMissing: true, ...terms });
  } catch (error) {
    throw placed(one, error);
  }
}

export async function apply(globals: Globals, options: ApplyOptions): Promise<void> {
  const sources = await readPolicies(options.file);
  await withTransport(globals, async (transport) => {
    const dryRun = isDryRun(options);
    const tried = await tryAll(transport, sources);
    const etags = tried.map(({ planEtag }) => planEtag);
    checkPlan(options, etags);
    for (const [i, one] of sources.entries()) {
      const trial = tried[i];
      if (trial === undefined) continue;
      const answer = dryRun
        ? trial
        : await send(transport, one, {
            validateOnly: false,
            ifPlan: options.ifPlan === undefined ? '' : trial.planEtag,
          });
      await printStreamed(globals, UpdatePolicyResponseSchema, answer, {
        // What a repeated call changed is known from the trial before it.
        table: () => outcomeText(idOf(one.policy.name), trial, dryRun),
        names: () => [one.policy.name],
      });
      for (const warning of answer.warnings) warn(`${idOf(one.policy.name)}: ${warning}`);
    }
    tellDryRun(dryRun, joinedPlan(etags));
  });
}

/** `locum policy diff`: only what `apply` would change, and an exit code that says whether there is anything. */
export async function diff(globals: Globals, options: ApplyOptions): Promise<void> {
  const sources = await readPolicies(options.file);
  await withTransport(globals, async (transport) => {
    const tried = await tryAll(transport, sources);
    const isOther = ({ created, changes }: UpdatePolicyResponse): boolean => created || changes.length > 0;
    for (const [i, { policy }] of sources.entries()) {
      const trial = tried[i];
      if (trial === undefined || !isOther(trial)) continue;
      await printStreamed(globals, UpdatePolicyResponseSchema, trial, {
        table: () => outcomeText(idOf(policy.name), trial, true),
        names: () => [policy.name],
      });
    }
    const others = tried.filter(isOther).length;
    if (others > 0) throw new CommandFailure(`${others} of ${sources.length} would change`, EXIT.differs);
  });
}
