/** The verbs and flags of the command line, from its own definitions. */
import type { Command } from 'commander';
import { asksControllers, nouns } from '../../cli/nouns.ts';
import { buildProgram } from '../../cli/program.ts';

export interface Verb {
  /** `policy apply`, `server list`. */
  readonly name: string;
  readonly command: Command;
  readonly asksControllers: boolean;
}

/** Each command that does something by itself. */
export async function commandTable(): Promise<readonly Verb[]> {
  const program = await buildProgram(nouns.map(({ name }) => name));
  const asking = new Set(nouns.filter(asksControllers).map(({ name }) => name));
  return program.commands.flatMap((noun) => verbsOf(noun, [noun.name()], asking.has(noun.name())));
}

function verbsOf(command: Command, path: readonly string[], asks: boolean): readonly Verb[] {
  const below = command.commands.flatMap((sub) => verbsOf(sub, [...path, sub.name()], asks));
  return hasAction(command) ? [{ name: path.join(' '), command, asksControllers: asks }, ...below] : below;
}

/** commander tells nobody else; without one, a command only has others below it. */
const hasAction = (command: Command): boolean =>
  (command as unknown as { _actionHandler: unknown })._actionHandler != null;
