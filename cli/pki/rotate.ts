/** `locum pki rotate begin|switch|finish|abort`. */
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createClient } from '@connectrpc/connect';
import { AuthorityStep } from '../../shared/gen/locum/v1/authority_pb.ts';
import {
  EnrolmentService,
  type RotateAuthorityResponse,
  RotateAuthorityResponseSchema,
} from '../../shared/gen/locum/v1/enrolment_service_pb.ts';
import { withTransport } from '../client/session.ts';
import { type DryRunOption, type Globals, isDryRun, trialOf } from '../globals.ts';
import { confirm } from '../output/ask.ts';
import { printAnswer, tell, tellDryRun } from '../output/print.ts';
import { authorityLines, lackText } from './words.ts';

export interface RotateOptions extends DryRunOption {
  readonly certificate?: string;
  readonly force?: boolean;
  readonly yes?: boolean;
}

const STEPS = {
  begin: AuthorityStep.BEGIN,
  switch: AuthorityStep.SWITCH,
  finish: AuthorityStep.FINISH,
  abort: AuthorityStep.ABORT,
} as const;

export type Step = keyof typeof STEPS;

export const stepOf = (name: string): Step => {
  if (Object.hasOwn(STEPS, name)) return name as Step;
  throw new RangeError(`there is no step ${name}`);
};

/** What can't be taken back is asked for. */
const QUESTIONS: Readonly<Partial<Record<Step, string>>> = {
  switch:
    'Let the new root sign? Commands that do not trust it yet are refused from then on: "locum pki trust" for each context first.',
  finish:
    'Trust the old root no more? Whoever shows a certificate of it is refused, and whoever trusts nothing else refuses the controllers.',
};

const ADVICE: Readonly<Record<Step, string>> = {
  begin:
    'Agents learn of it by themselves ("locum pki status"). For each context: locum pki trust. Then: locum pki rotate switch',
  switch:
    'Agents renew by themselves ("locum pki status"). Certificates that you signed: sign them anew. Then: locum pki rotate finish',
  finish: 'For each context, once more: locum pki trust',
  abort: 'For each context that trusts it: locum pki trust',
};

export async function rotate(globals: Globals, step: Step, options: RotateOptions): Promise<void> {
  const { certificate: file, force = false } = options;
  const certificate = file === undefined ? '' : await readFile(file, 'utf8');
  const question = QUESTIONS[step];
  if (question !== undefined && !isDryRun(options)) await confirm(question, options);
  await withTransport(globals, async (transport) => {
    const request = { step: STEPS[step], certificate, force, requestId: isDryRun(options) ? '' : randomUUID() };
    const answer = await createClient(EnrolmentService, transport).rotateAuthority({ ...request, ...trialOf(options) });
    await printAnswer(globals, RotateAuthorityResponseSchema, answer, {
      table: () => linesOf(answer, isDryRun(options)).join('\n'),
      names: () => answer.behind.map(({ name }) => name),
    });
    tellDryRun(isDryRun(options), answer.planEtag);
    if (!isDryRun(options)) tell(ADVICE[step]);
  });
}

function linesOf({ authority, behind }: RotateAuthorityResponse, isTried: boolean): readonly string[] {
  const left = behind.map((one) => `${isTried ? 'would be' : 'is'} left behind: ${one.name} ${lackText(one)}`);
  return [...(authority === undefined ? [] : authorityLines(authority)), ...left];
}
