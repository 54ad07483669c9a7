/** The file in which a user keeps contexts. What is changed here leaves comments and order as they are. */
import { existsSync, mkdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import type { Document } from 'yaml';
import { isGone } from '../../shared/caught-error.ts';
import type { CliConfig } from '../../shared/gen/locum/config/v1/cli_config_pb.ts';
import { replacePrivateFile } from '../../shared/pki/private-file.ts';
import { utf8Text } from '../../shared/utf8-file.ts';

/** As the XDG base directories have it: a path that is not absolute does not count. */
export function configPath(env: NodeJS.ProcessEnv): string {
  const home = env['XDG_CONFIG_HOME'] ?? '';
  return join(isAbsolute(home) ? home : join(homedir(), '.config'), 'locum', 'config.yaml');
}

/** Undefined: there is none. @throws LocumError INVALID_FIELD that names the line, and what reading throws */
export async function readConfigFile(path: string): Promise<CliConfig | undefined> {
  const text = textOf(path);
  return text === undefined ? undefined : read(text, path);
}

/** In words, if others on this host can read or change the file. */
export function exposureOf(path: string): string | undefined {
  const mode = statSync(path, { throwIfNoEntry: false })?.mode ?? 0;
  if ((mode & 0o077) === 0) return undefined;
  return `${path} is open to other users of this host (${(mode & 0o777).toString(8)}): chmod 600 it`;
}

/** Nothing is written unless what comes of it keeps all rules of the file. Errors as in `readConfigFile`. */
export async function changeConfigFile(path: string, change: (document: Document) => void): Promise<void> {
  const { parseDocument } = await import('yaml');
  const before = textOf(path) ?? '';
  // What is wrong already is told before anything is changed.
  await read(before, path);
  const document: Document = parseDocument(before);
  change(document);
  const text = document.toString({ lineWidth: 0 });
  const [{ validate }, { CliConfigSchema }] = await Promise.all([
    import('../../shared/rpc/validation.ts'),
    import('../../shared/gen/locum/config/v1/cli_config_pb.ts'),
  ]);
  validate(CliConfigSchema, await read(text, path));
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  // Where the file is a link to one that is kept elsewhere, that one is changed.
  replacePrivateFile(existsSync(path) ? realpathSync(path) : path, text);
}

function textOf(path: string): string | undefined {
  try {
    return utf8Text(readFileSync(path), path);
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/**
 * Most commands have no such file, and do without the code that reads one. The rules of the proto are not asked: to compile them takes
 * longer than all else of a command, and what is used of the file is checked where it is used.
 */
async function read(text: string, path: string): Promise<CliConfig> {
  const [{ parseStrict }, { CliConfigSchema }] = await Promise.all([
    import('../../shared/rpc/strict-json.ts'),
    import('../../shared/gen/locum/config/v1/cli_config_pb.ts'),
  ]);
  return parseStrict(CliConfigSchema, text, { source: path });
}
