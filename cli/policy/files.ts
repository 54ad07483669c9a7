/** Policies in files: read, completed and checked before the first one changes anything. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { invalidField, LocumError } from '../../shared/errors.ts';
import { type Policy, PolicySchema } from '../../shared/gen/locum/v1/policy_pb.ts';
import { fromConnectError } from '../../shared/rpc/status-details.ts';
import { parseStrictDocuments } from '../../shared/rpc/strict-json.ts';
import { validate } from '../../shared/rpc/validation.ts';
import { readUtf8File, utf8Text } from '../../shared/utf8-file.ts';
import { CommandFailure } from '../exit-codes.ts';

/** A policy, and the file that says it. */
export interface Source {
  readonly file: string;
  readonly policy: Policy;
  /** Where in the file a field is: `line 3, column 5`. */
  readonly placeOf: (field: string) => string;
}

/** All policies of files, folders, or `-` for standard input. @throws LocumError, CommandFailure that names the file */
export async function readPolicies(files: readonly string[]): Promise<readonly Source[]> {
  const sources = (await Promise.all(files.flatMap(filesIn).map(readFile))).flat();
  if (sources.length === 0) throw new CommandFailure(emptyText(files));
  refuseTwice(sources);
  return sources;
}

/** Reads the policies in a text and checks them by the rules of the protos. @throws LocumError that names `file` */
export function parsePolicies(file: string, text: string): Source[] {
  const sources = parseStrictDocuments(PolicySchema, text, { source: file }).map(({ message, placeOf }) => ({
    file,
    policy: withCollections(message),
    placeOf,
  }));
  for (const one of sources) {
    try {
      validate(PolicySchema, one.policy);
    } catch (error) {
      throw placed(one, error);
    }
  }
  return sources;
}

/** Adds the place to what is wrong: a person looks for a file and a name, not for a call. */
export function placed({ file, policy, placeOf }: Source, error: unknown): unknown {
  const known = error instanceof LocumError ? error : fromConnectError(error);
  if (known === undefined) return error;
  const { reason, message, fieldViolations, metadata, resource, retryAfterMs } = known;
  const name = policy.name || 'a policy without name';
  const inFile = (field: string): string => `${file}: ${placeOf(field.replace(/^policy\./, ''))}`;
  const [first] = fieldViolations;
  const where = first === undefined ? file : inFile(first.field);
  return new LocumError(reason, `${where}: ${name}: ${message}`, {
    metadata,
    resource,
    retryAfterMs,
    fieldViolations: fieldViolations.map(({ field, description }) => ({
      field,
      description: `${description} (in ${inFile(field)}, ${name})`,
    })),
  });
}

/** In a file, as on the command line, `web-1` means `servers/web-1`. */
function withCollections(policy: Policy): Policy {
  const full = (collection: string, name: string): string =>
    name === '' || name.includes('/') ? name : `${collection}/${name}`;
  policy.name = full('policies', policy.name);
  policy.pool = full('pools', policy.pool);
  policy.servers = policy.servers.map((server) => full('servers', server));
  return policy;
}

function filesIn(path: string): string[] {
  if (path === '-' || !statSync(path).isDirectory()) return [path];
  const files = readdirSync(path).filter((name) => /\.ya?ml$/.test(name));
  if (files.length === 0) throw new CommandFailure(`${path} has no file that ends in .yaml or .yml`);
  return files.sort().map((name) => join(path, name));
}

async function readFile(file: string): Promise<Source[]> {
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
  return `no policy in ${names.join(', ')}`;
}
