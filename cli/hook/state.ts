/** How a hook does, in a word. */
import type { Hook } from '../../shared/gen/locum/v1/hook_pb.ts';
import { age } from '../output/words.ts';

export function stateOf({ kind, failingSinceTime, problem }: Hook): string {
  if (kind === '') return 'not configured';
  if (failingSinceTime !== undefined) return `failing since ${age(failingSinceTime)}`;
  return problem === '' ? 'ok' : 'tries again';
}
