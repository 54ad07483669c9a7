/** Plans of several calls as one word: what a dry run of all of them prints, and `--if-plan` takes back. */
import { createHash } from 'node:crypto';
import { CommandFailure, EXIT } from '../exit-codes.ts';
import type { DryRunOption } from '../globals.ts';

const DIGITS = 16;

/** Of one call its own. Empty: there is none. */
export function joinedPlan(etags: readonly string[]): string {
  const [first = '', ...more] = etags;
  if (more.length === 0) return first;
  return createHash('sha256').update(etags.join('\n')).digest('hex').slice(0, DIGITS);
}

/** @throws CommandFailure when these are not what was planned */
export function checkPlan({ ifPlan }: DryRunOption, etags: readonly string[]): void {
  if (ifPlan === undefined || joinedPlan(etags) === ifPlan) return;
  const message = 'what this would do is no longer what was planned: nothing was changed (PLAN_CHANGED)';
  throw new CommandFailure(
    `${message}\nLook at it again with --dry-run, which prints the plan as it is now.`,
    EXIT.conflict,
  );
}

/** For each call the plan that it has to keep to, in their order: all are tried before the first one is made. Without `--if-plan`: none. */
export async function plansOf<T>(
  options: DryRunOption,
  items: readonly T[],
  tryOne: (item: T) => Promise<{ readonly planEtag: string } | undefined>,
): Promise<readonly string[]> {
  const { ifPlan } = options;
  if (ifPlan === undefined) return items.map(() => '');
  const etags: string[] = [];
  for (const item of items) etags.push((await tryOne(item))?.planEtag ?? '');
  checkPlan(options, etags);
  return etags;
}
