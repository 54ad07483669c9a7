/** Names as people give them: with or without the collection, runs by a unique beginning. */
import { createClient, type Transport } from '@connectrpc/connect';
import { PAGE_SIZE, readPages } from '../../sdk/typescript/pages.ts';
import { RunService } from '../../shared/gen/locum/v1/run_service_pb.ts';
import { fromConnectError } from '../../shared/rpc/status-details.ts';
import { CommandFailure, EXIT } from '../exit-codes.ts';

const singular = {
  ...{ servers: 'server', policies: 'policy', pools: 'pool', runs: 'run', hooks: 'hook' },
  ...{ roles: 'role', users: 'user', tokens: 'token' },
} as const;

type Collection = keyof typeof singular;

/** `servers/web-1` for `web-1` and for `servers/web-1`. Form is judged by the controller. */
export function nameIn(collection: Collection, text: string): string {
  const slash = text.indexOf('/');
  if (slash < 0) return `${collection}/${text}`;
  if (text.startsWith(`${collection}/`)) return text;
  throw new CommandFailure(`"${text}" is no ${singular[collection]}: its name begins with "${collection}/"`);
}

const MAX_SHOWN = 5;

/**
 * The name of a run: exact, the id of a policy with one run, or a beginning that only one run has. Of several, those count that have not
 * ended; of several that have all ended, the newest, if they are of one policy that was named.
 * @throws CommandFailure 3 when there is none; 1 when there are several, unless the newest one of a policy will do.
 */
export async function resolveRun(
  transport: Transport,
  text: string,
  ofSeveral: 'REFUSE' | 'NEWEST' = 'REFUSE',
): Promise<string> {
  const name = nameIn('runs', text);
  const runs = createClient(RunService, transport);
  try {
    const { run } = await runs.getRun({ name });
    if (run !== undefined) return run.name;
  } catch (error) {
    const reason = fromConnectError(error)?.reason;
    // A beginning such as "nightly-" is no valid name.
    if (reason !== 'NOT_FOUND' && reason !== 'INVALID_FIELD') throw error;
  }
  const pages = await readPages((pageToken) => runs.listRuns({ pageSize: PAGE_SIZE, pageToken, includeEnded: true }));
  const found = pages.flatMap((page) => page.runs).filter((run) => run.name.startsWith(name));
  // The id of a policy means its runs, also where it begins the id of another policy.
  const policy = `policies/${name.slice('runs/'.length)}`;
  const ofPolicy = found.filter((run) => run.policy === policy);
  const meant = ofPolicy.length > 0 ? ofPolicy : found;
  const living = meant.filter((run) => run.endTime === undefined);
  // Lists begin with the newest run.
  const ended = ofPolicy.length > 0 ? meant.slice(0, 1) : meant;
  const candidates = living.length > 0 ? living : ended;
  const [only, ...more] = candidates;
  if (only === undefined) {
    throw new CommandFailure(`no run begins with "${text}"\n"locum run list --all" shows them.`, EXIT.notFound);
  }
  if (more.length === 0 || (ofSeveral === 'NEWEST' && ofPolicy.length > 0)) return only.name;
  const shown = candidates.slice(0, MAX_SHOWN).map((run) => run.name.slice('runs/'.length));
  const rest = candidates.length > MAX_SHOWN ? `, and ${candidates.length - MAX_SHOWN} more` : '';
  throw new CommandFailure(
    `"${text}" begins ${candidates.length} runs: ${shown.join(', ')}${rest}. Give more of the name.`,
  );
}
