/** `locum policy apply`: files are the truth. All documents are checked before the first one changes anything. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { createClient } from '@connectrpc/connect';
import { invalidField, LocumError } from '../../shared/errors.ts';
import { type Policy, PolicySchema } from '../../shared/gen/locum/v1/policy_pb.ts';
import {
  PolicyService,
  type UpdatePolicyResponse,
  UpdatePolicyResponseSchema,
} from '../../shared/gen/locum/v1/policy_service_pb.ts';
import { fromConnectError } from '../../shared/rpc/status-details.ts';
import { parseStrictAll } from '../../shared/rpc/strict-json.ts';
import { validate } from '../../shared/rpc/validation.ts';
import { readUtf8File, utf8Text } from '../../shared/utf8-file.ts';
import { withTransport } from '../client/session.ts';
import { CommandFailure } from '../exit-codes.ts';
import { type DryRunOption, type Globals, isDryRun } from '../globals.ts';
import { printStreamed, tell } from '../output/print.ts';
import { idOf } from '../output/words.ts';

export interface ApplyOptions extends DryRunOption {
  readonly file: readonly string[];
}

/** A policy, and the file that says it. */
interface Source {
  readonly file: string;
  readonly policy: Policy;
}

function filesIn(path: string): string[] {
  if (path === '-' || !statSync(path).isDirectory()) return [path];
  const files = readdirSync(path).filter((name) => /\.ya?ml$/.test(name));
  if (files.length === 0) throw new CommandFailure(`${path} has no file that ends in .yaml or .yml`);
  return files.sort().map((name) => join(path, name));
}

const MAX_VALUE = 60;

function valueText(json: string): string {
  if (json === '') return '(not set)';
  return json.length > MAX_VALUE ? `${json.slice(0, MAX_VALUE)}… (${json.length} characters)` : json;
}

/** What was done, or would be; of a dry run field by field. */
function outcomeText(id: string, { created, changes, effects }: UpdatePolicyResponse, dryRun: boolean): string {
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

/** Adds the place to what is wrong: a person looks for a file and a name, not for a call. */
function placed({ file, policy }: Source, error: unknown): unknown {
  const known = error instanceof LocumError ? error : fromConnectError(error);
  if (known === undefined) return error;
  const { reason, message, fieldViolations, metadata, resource, retryAfterMs } = known;
  const where = `${file}: ${policy.name || 'a policy without name'}`;
  return new LocumError(reason, `${where}: ${message}`, {
    metadata,
    resource,
    retryAfterMs,
    fieldViolations: fieldViolations.map(({ field, description }) => ({
      field,
      description: `${description} (in ${where})`,
    })),
  });
}

/** Reads the policies in a text and checks them by the rules of the protos. @throws LocumError that names `file` */
export function parsePolicies(file: string, text: string): Source[] {
  const sources = parseStrictAll(PolicySchema, text, { source: file }).map((policy) => ({ file, policy }));
  for (const one of sources) {
    try {
      validate(PolicySchema, one.policy);
    } catch (error) {
      throw placed(one, error);
    }
  }
  return sources;
}

async function readPolicies(file: string): Promise<Source[]> {
  return file === '-'
    ? parsePolicies('standard input', utf8Text(await buffer(process.stdin), 'standard input'))
    : parsePolicies(file, readUtf8File(file));
}

/** Of two with one name the last would win, without a word. @throws LocumError INVALID_FIELD */
function refuseTwice(sources: readonly Source[]): void {
  const files = new Map<string, string>();
  for (const { file, policy } of sources) {
    const first = files.get(policy.name);
    const where = first === file ? `twice in ${file}` : `in ${first} and in ${file}`;
    if (first !== undefined) throw invalidField('name', `${policy.name} is ${where}`);
    files.set(policy.name, file);
  }
}

/** On standard input it is most often a command before the pipe that printed nothing. */
function emptyText(files: readonly string[]): string {
  const names = files.map((file) => (file === '-' ? 'standard input' : file));
  return `nothing to apply: no policy in ${names.join(', ')}`;
}

export async function apply(globals: Globals, options: ApplyOptions): Promise<void> {
  const sources = (await Promise.all(options.file.flatMap(filesIn).map(readPolicies))).flat();
  if (sources.length === 0) throw new CommandFailure(emptyText(options.file));
  refuseTwice(sources);
  await withTransport(globals, async (transport) => {
    const client = createClient(PolicyService, transport);
    const send = async (one: Source, validateOnly: boolean) => {
      try {
        return await client.updatePolicy({ policy: one.policy, allowMissing: true, validateOnly });
      } catch (error) {
        throw placed(one, error);
      }
    };
    const dryRun = isDryRun(options);
    const checked: UpdatePolicyResponse[] = [];
    for (let from = 0; from < sources.length; from += CHECKED_AT_ONCE) {
      const some = sources.slice(from, from + CHECKED_AT_ONCE);
      checked.push(...(await Promise.all(some.map((one) => send(one, true)))));
    }
    for (const [i, one] of sources.entries()) {
      const trial = checked[i];
      if (trial === undefined) continue;
      const answer = dryRun ? trial : await send(one, false);
      await printStreamed(globals, UpdatePolicyResponseSchema, answer, {
        // What a repeated call changed is known from the trial before it.
        table: () => outcomeText(idOf(one.policy.name), trial, dryRun),
        names: () => [one.policy.name],
      });
      for (const warning of answer.warnings) tell(`warning: ${idOf(one.policy.name)}: ${warning}`);
    }
    if (dryRun) tell('Nothing was changed.');
  });
}
