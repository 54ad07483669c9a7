/** Facts from probe programs of the configuration: one `name=value`, or `name` alone, a line. */
import type { Capability } from '../../shared/protocol/capability.ts';
import type { Probe } from '../config.ts';
import { isFact } from './fact.ts';
import { outputOf } from './program-output.ts';

/** Facts of one probe. */
const MAX_FACTS = 64;

export type ProbeResult =
  | { readonly kind: 'facts'; readonly capabilities: readonly Capability[]; readonly unread: readonly string[] }
  /** `outcome`: in words that give nothing away. `detail`: for the log of this host. */
  | { readonly kind: 'failed'; readonly outcome: string; readonly detail: string };

export async function runProbe({ argv, timeoutMs }: Probe, env: NodeJS.ProcessEnv): Promise<ProbeResult> {
  const output = await outputOf(argv, { timeoutMs, env });
  return output.kind === 'failed' ? output : { kind: 'facts', ...readFacts(output.stdout) };
}

/** `unread`: lines that are no facts, cut short, for the log. Empty lines and those that begin with # are comments. */
export function readFacts(text: string): {
  readonly capabilities: readonly Capability[];
  readonly unread: readonly string[];
} {
  const capabilities: Capability[] = [];
  const unread: string[] = [];
  for (const line of text.split('\n').map((raw) => raw.trim())) {
    if (line === '' || line.startsWith('#')) continue;
    const equals = line.indexOf('=');
    const name = (equals < 0 ? line : line.slice(0, equals)).trim();
    const value = equals < 0 ? '' : line.slice(equals + 1).trim();
    const good = isFact(name, value) && capabilities.length < MAX_FACTS;
    if (good) capabilities.push({ name, value, source: 'PROBE' });
    else if (unread.length < MAX_FACTS) unread.push(line.slice(0, 80));
  }
  return { capabilities, unread };
}
