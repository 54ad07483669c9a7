/** `locum policy stop | restart | pause | resume | delete`. */
import { createClient } from '@connectrpc/connect';
import type { Policy } from '../../shared/gen/locum/v1/policy_pb.ts';
import {
  DeletePolicyResponseSchema,
  PausePolicyResponseSchema,
  PolicyService,
  RestartPolicyResponseSchema,
  ResumePolicyResponseSchema,
  StopPolicyResponseSchema,
} from '../../shared/gen/locum/v1/policy_service_pb.ts';
import { nameIn } from '../client/names.ts';
import { withTransport } from '../client/session.ts';
import type { Globals } from '../globals.ts';
import { confirm } from '../output/ask.ts';
import { printAnswer, type View } from '../output/print.ts';
import { idOf, idsOf } from '../output/words.ts';

/** Undefined when there is nothing to say about its runs. */
function runsText({ runs }: Policy): string {
  return runs.length === 0 ? 'no runs' : idsOf(runs);
}

function view(policy: Policy | undefined, sentence: (id: string, runs: string) => string): View {
  return {
    table: () => (policy === undefined ? '' : sentence(idOf(policy.name), runsText(policy))),
    names: () => (policy === undefined ? [] : [policy.name]),
  };
}

export async function change(
  globals: Globals,
  id: string,
  verb: 'stop' | 'restart' | 'pause' | 'resume',
): Promise<void> {
  const name = nameIn('policies', id);
  await withTransport(globals, async (transport) => {
    const client = createClient(PolicyService, transport);
    switch (verb) {
      case 'stop': {
        const answer = await client.stopPolicy({ name });
        const text = (policy: string, runs: string): string =>
          `${policy} stops: ${runs}.${answer.policy?.paused === true ? ' It is paused.' : ''}`;
        return printAnswer(globals, StopPolicyResponseSchema, answer, view(answer.policy, text));
      }
      case 'restart': {
        const answer = await client.restartPolicy({ name });
        return printAnswer(
          globals,
          RestartPolicyResponseSchema,
          answer,
          view(answer.policy, (policy, runs) => `${policy} restarts: ${runs}.`),
        );
      }
      case 'pause': {
        const answer = await client.pausePolicy({ name });
        return printAnswer(
          globals,
          PausePolicyResponseSchema,
          answer,
          view(answer.policy, (policy, runs) => `${policy} is paused; it keeps ${runs}.`),
        );
      }
      case 'resume': {
        const answer = await client.resumePolicy({ name });
        return printAnswer(
          globals,
          ResumePolicyResponseSchema,
          answer,
          view(answer.policy, (policy) => `${policy} goes on.`),
        );
      }
    }
  });
}

export async function remove(
  globals: Globals,
  id: string,
  { etag, yes }: { etag?: string; yes?: boolean },
): Promise<void> {
  const name = nameIn('policies', id);
  await confirm(`Stop all runs of ${id} and forget it?`, yes === undefined ? {} : { yes });
  await withTransport(globals, async (transport) => {
    const answer = await createClient(PolicyService, transport).deletePolicy({ name, etag: etag ?? '' });
    await printAnswer(globals, DeletePolicyResponseSchema, answer, {
      table: () => (answer.policy === undefined ? `${id} is gone.` : `${id} goes once its runs have ended.`),
      names: () => [name],
    });
  });
}
