/** `locum auth token create | list | revoke`. */
import { createClient } from '@connectrpc/connect';
import {
  AccessService,
  CreateTokenResponseSchema,
  ListTokensResponseSchema,
  type Token,
} from '../../shared/gen/locum/v1/access_service_pb.ts';
import { toDuration } from '../../shared/rpc/time-messages.ts';
import { nameIn } from '../client/names.ts';
import { withTransport } from '../client/session.ts';
import { CommandFailure } from '../exit-codes.ts';
import { type DryRunOption, type Globals, isDryRun, trialOf } from '../globals.ts';
import { printAnswer, printLine, tell, tellDryRun } from '../output/print.ts';
import { type Column, Table } from '../output/table.ts';
import { moment } from '../output/words.ts';
import { grantFrom, grantTexts } from './grants.ts';

export interface GrantOptions extends DryRunOption {
  readonly role: readonly string[];
}

export interface TokenOptions extends GrantOptions {
  /** Milliseconds. */
  readonly ttl?: number;
}

const columns: readonly Column<Token>[] = [
  { head: 'TOKEN', cell: ({ name }) => name.slice(name.indexOf('/') + 1) },
  { head: 'HOLDER', cell: ({ holder }) => holder },
  { head: 'ROLES', cell: ({ roles }) => grantTexts(roles) },
  { head: 'EXPIRES', cell: ({ expireTime }) => moment(expireTime) },
  { head: 'LAST USED', cell: ({ lastUseTime }) => (lastUseTime === undefined ? 'never' : moment(lastUseTime)) },
  { head: 'CREATED', wide: true, cell: ({ createTime }) => moment(createTime) },
  { head: 'BY', wide: true, cell: ({ creator }) => creator },
];

/** The secret alone on standard output, so that a script can take it. */
export async function createToken(globals: Globals, holder: string, options: TokenOptions): Promise<void> {
  const { role, ttl } = options;
  const validateOnly = isDryRun(options);
  await withTransport(globals, async (transport) => {
    const client = createClient(AccessService, transport);
    const request = { holder, roles: role.map(grantFrom), ttl: toDuration(ttl), ...trialOf(options) };
    const answer = await client.createToken(request);
    tellDryRun(validateOnly, answer.planEtag);
    if (globals.output === 'json' || globals.output === 'yaml') {
      await printAnswer(globals, CreateTokenResponseSchema, answer, { table: () => '', names: () => [] });
      return;
    }
    const { token, secret } = answer;
    const until = token?.expireTime === undefined ? '' : `, valid until ${moment(token.expireTime)}`;
    if (!validateOnly) printLine(secret);
    tell(`${validateOnly ? 'A token' : token?.name} for ${holder}: ${grantTexts(token?.roles ?? [])}${until}.`);
    if (!validateOnly)
      tell('It is shown this once. Use it as LOCUM_TOKEN, or as the header "authorization: Bearer …".');
  });
}

export async function listTokens(globals: Globals): Promise<void> {
  await withTransport(globals, async (transport) => {
    const answer = await createClient(AccessService, transport).listTokens({});
    const { tokens } = answer;
    await printAnswer(globals, ListTokensResponseSchema, answer, {
      table: (look) => (tokens.length === 0 ? 'No tokens.' : new Table(columns, look).render(tokens)),
      names: () => tokens.map(({ name }) => name),
    });
  });
}

export async function revokeTokens(globals: Globals, tokens: readonly string[], options: DryRunOption): Promise<void> {
  const validateOnly = isDryRun(options);
  if (options.ifPlan !== undefined && tokens.length > 1)
    throw new CommandFailure('--if-plan is the plan of one token: name that one alone');
  await withTransport(globals, async (transport) => {
    const client = createClient(AccessService, transport);
    for (const token of tokens) {
      const name = nameIn('tokens', token);
      const { planEtag } = await client.revokeToken({ name, ...trialOf(options) });
      printLine(`${name} ${validateOnly ? 'would be' : 'is'} revoked`);
      tellDryRun(validateOnly, planEtag);
    }
  });
}
