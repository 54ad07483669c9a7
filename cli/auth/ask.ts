/** `locum auth whoami | can-i`. */
import { createClient } from '@connectrpc/connect';
import {
  AccessService,
  CheckAccessResponseSchema,
  WhoAmIResponseSchema,
} from '../../shared/gen/locum/v1/access_service_pb.ts';
import { withTransport } from '../client/session.ts';
import { EXIT } from '../exit-codes.ts';
import type { Globals } from '../globals.ts';
import { printAnswer } from '../output/print.ts';
import { moment } from '../output/words.ts';
import { grantTexts } from './grants.ts';

export interface CanIOptions {
  readonly runAs?: string;
}

export async function whoAmI(globals: Globals): Promise<void> {
  await withTransport(globals, async (transport) => {
    const answer = await createClient(AccessService, transport).whoAmI({});
    const { actor, via, roles, expireTime } = answer;
    await printAnswer(globals, WhoAmIResponseSchema, answer, {
      table: () => {
        const how = via === 'none' ? 'nobody is asked here who he is' : `known by ${via}`;
        const until = expireTime === undefined ? '' : `\nuntil ${moment(expireTime)}`;
        return `${actor} (${how})\nroles: ${grantTexts(roles) || 'none'}${until}`;
      },
      names: () => [actor],
    });
  });
}

/** Says yes or no, and no by its exit code too. */
export async function canI(
  globals: Globals,
  { permission, resource, runAs = '' }: CanIOptions & { readonly permission: string; readonly resource: string },
): Promise<void> {
  await withTransport(globals, async (transport) => {
    const answer = await createClient(AccessService, transport).checkAccess({ permission, resource, runAs });
    await printAnswer(globals, CheckAccessResponseSchema, answer, {
      table: () => (answer.allowed ? 'yes' : 'no'),
      names: () => [answer.allowed ? 'yes' : 'no'],
    });
    if (!answer.allowed) process.exitCode = EXIT.error;
  });
}
