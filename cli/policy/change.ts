/** `locum policy stop | restart | pause | resume | delete`, each of one policy or of several. */
import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import { type Client, createClient } from '@connectrpc/connect';
import { count } from '../../shared/count.ts';
import type { Policy } from '../../shared/gen/locum/v1/policy_pb.ts';
import {
  DeletePolicyResponseSchema,
  PausePolicyResponseSchema,
  PolicyService,
  RestartPolicyResponseSchema,
  ResumePolicyResponseSchema,
  StopPolicyResponseSchema,
} from '../../shared/gen/locum/v1/policy_service_pb.ts';
import { fromConnectError } from '../../shared/rpc/status-details.ts';
import { answersInOrder } from '../client/in-order.ts';
import { joinedPlan, plansOf } from '../client/plans.ts';
import { withTransport } from '../client/session.ts';
import { type DryRunOption, type Globals, isDryRun, type SelectorOption } from '../globals.ts';
import { confirm } from '../output/ask.ts';
import { printAnswer, printStreamed, tell, tellDryRun } from '../output/print.ts';
import { idOf, idsOf } from '../output/words.ts';
import { chosenPolicies } from './chosen.ts';
import { readPolicies } from './files.ts';

export type Verb = 'stop' | 'restart' | 'pause' | 'resume';

export interface ChangeOptions extends DryRunOption, SelectorOption {}

type Policies = Client<typeof PolicyService>;

interface Request {
  readonly name: string;
  readonly validateOnly: boolean;
  readonly ifPlan: string;
}

/** How a verb is asked for, and what is said of it. */
interface Change<Desc extends DescMessage> {
  readonly schema: Desc;
  readonly ask: (
    policies: Policies,
    request: Request,
  ) => Promise<MessageShape<Desc> & { readonly policy?: Policy | undefined; readonly planEtag: string }>;
  /** `would`: it is only tried. */
  readonly text: (policy: Policy, words: { readonly would: string; readonly runs: string }) => string;
}

/** So that each row is checked by itself. */
const changing = <Desc extends DescMessage>(change: Change<Desc>): Change<Desc> => change;

const CHANGES = {
  stop: changing({
    schema: StopPolicyResponseSchema,
    ask: (policies, request) => policies.stopPolicy(request),
    text: ({ name, paused }, { would, runs }) => {
      const verb = would === '' ? 'stops' : 'would stop';
      const pauses = would === '' ? 'It is paused.' : 'It would be paused.';
      return `${idOf(name)} ${verb}: ${runs}.${paused ? ` ${pauses}` : ''}`;
    },
  }),
  restart: changing({
    schema: RestartPolicyResponseSchema,
    ask: (policies, request) => policies.restartPolicy(request),
    text: ({ name }, { would, runs }) => `${idOf(name)} ${would === '' ? 'restarts' : 'would restart'}: ${runs}.`,
  }),
  pause: changing({
    schema: PausePolicyResponseSchema,
    ask: (policies, request) => policies.pausePolicy(request),
    text: ({ name }, { would, runs }) =>
      would === ''
        ? `${idOf(name)} is paused; it keeps ${runs}.`
        : `${idOf(name)} would be paused; it would keep ${runs}.`,
  }),
  resume: changing({
    schema: ResumePolicyResponseSchema,
    ask: (policies, request) => policies.resumePolicy(request),
    text: ({ name }, { would }) => (would === '' ? `${idOf(name)} goes on.` : `${idOf(name)} would go on.`),
  }),
};

const runsText = ({ runs }: Policy): string => (runs.length === 0 ? 'no runs' : idsOf(runs));

export async function change(
  globals: Globals,
  ids: readonly string[],
  verb: Verb,
  options: ChangeOptions,
): Promise<void> {
  const validateOnly = isDryRun(options);
  await withTransport(globals, async (transport) => {
    const names = await chosenPolicies(transport, ids, options);
    const print = names.length === 1 ? printAnswer : printStreamed;
    const policies = createClient(PolicyService, transport);
    const { schema, ask, text }: Change<DescMessage> = CHANGES[verb];
    const tryOne = (name: string) => ask(policies, { name, validateOnly: true, ifPlan: '' });
    const plans = await plansOf(options, names, tryOne);
    const etags: string[] = [];
    const askOne = (name: string, i: number) => ask(policies, { name, validateOnly, ifPlan: plans[i] ?? '' });
    for await (const { item: name, answer } of answersInOrder(names, askOne, atOnceOf(options))) {
      const { policy, planEtag } = answer;
      etags.push(planEtag);
      const words = { would: validateOnly ? 'would' : '', runs: policy === undefined ? '' : runsText(policy) };
      await print(globals, schema, answer, {
        table: () => (policy === undefined ? '' : text(policy, words)),
        names: () => [name],
      });
    }
    tellDryRun(validateOnly, joinedPlan(etags));
  });
}

/** What one frees may be another's: each of a plan comes after the one before it. */
const atOnceOf = ({ ifPlan }: DryRunOption): number | undefined => (ifPlan === undefined ? undefined : 1);

export interface DeletePoliciesOptions extends ChangeOptions {
  readonly etag?: string;
  readonly yes?: boolean;
  /** Policies in files instead of names. */
  readonly file?: readonly string[];
}

export async function remove(globals: Globals, ids: readonly string[], options: DeletePoliciesOptions): Promise<void> {
  const { etag = '', yes, file = [] } = options;
  const validateOnly = isDryRun(options);
  const inFiles = file.length === 0 ? [] : (await readPolicies(file)).map(({ policy }) => policy.name);
  await withTransport(globals, async (transport) => {
    const names =
      inFiles.length > 0 && ids.length === 0 ? inFiles : await chosenPolicies(transport, [...ids, ...inFiles], options);
    const what = names.length === 1 ? idsOf(names) : count(names.length, 'policy', 'policies');
    if (!validateOnly) {
      const question = `Stop all runs of ${what} and forget ${names.length === 1 ? 'it' : 'them'}?`;
      await confirm(question, { yes });
    }
    const print = names.length === 1 ? printAnswer : printStreamed;
    const policies = createClient(PolicyService, transport);
    // Of several in files, one that is gone already is as it should be.
    const isGone = (error: unknown) => inFiles.length > 0 && fromConnectError(error)?.reason === 'NOT_FOUND';
    const ask = async (request: Request) =>
      policies.deletePolicy({ ...request, etag }).catch((error: unknown) => {
        if (!isGone(error)) throw error;
        return undefined;
      });
    const plans = await plansOf(options, names, (name) => ask({ name, validateOnly: true, ifPlan: '' }));
    const etags: string[] = [];
    const askOne = (name: string, i: number) => ask({ name, validateOnly, ifPlan: plans[i] ?? '' });
    for await (const { item: name, answer } of answersInOrder(names, askOne, atOnceOf(options))) {
      etags.push(answer?.planEtag ?? '');
      if (answer === undefined) {
        tell(`${idOf(name)} is not there.`);
        continue;
      }
      const gone = validateOnly ? 'would be gone' : 'is gone';
      const later = `${validateOnly ? 'would go' : 'goes'} once its runs have ended`;
      await print(globals, DeletePolicyResponseSchema, answer, {
        table: () => `${idOf(name)} ${answer.policy === undefined ? gone : later}.`,
        names: () => [name],
      });
    }
    tellDryRun(validateOnly, joinedPlan(etags));
  });
}
