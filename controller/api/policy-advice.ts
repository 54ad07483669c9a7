/** What the writer of a policy should know about its script before it runs. Nothing here is refused: it may be meant. */
import type { FieldMask } from '@bufbuild/protobuf/wkt';
import type { Policy as PbPolicy, Script, Trigger } from '../../shared/gen/locum/v1/policy_pb.ts';
import { cut } from '../../shared/printable.ts';

/** Of what a request says: what it leaves as it is, is not looked at. */
export function policyAdvice({ workload, trigger }: PbPolicy, mask?: FieldMask): readonly string[] {
  if (workload?.kind.case !== 'script' || mask?.paths.includes('workload') === false) return [];
  const script = workload.kind.value;
  return [...interpreterAdvice(script), ...(mask === undefined ? triggerAdvice(script, trigger) : [])];
}

/** A "#!" line that nobody obeys: another program than its writer thinks would read the script. */
function interpreterAdvice({ interpreter, text }: Script): readonly string[] {
  const [first = '', ...rest] = text.split('\n', MAX_LINES);
  const named = namedBy(first);
  if (named !== undefined && interpreter.length > 0 && interpreter.join(' ') !== named) {
    return [
      `its interpreter is ${cut(interpreter.join(' '), SHOWN)}, so its line "#!${cut(named, SHOWN)}" is a comment: leave the interpreter out to have the line obeyed`,
    ];
  }
  if (named !== undefined || interpreter.length > 0) return [];
  // A byte order mark is a blank for this, and for nobody else.
  const misplaced = [first, ...rest].map((line) => line.trim()).find((line) => namedBy(line) !== undefined);
  if (misplaced === undefined) return [];
  return [
    `"${cut(misplaced, SHOWN)}" does not begin its text, so it is a comment, and /bin/sh reads the script: put it first`,
  ];
}

/** The program that a "#!" line names, with its arguments. */
function namedBy(line: string): string | undefined {
  return line.startsWith('#!') && line.trim() !== '#!' ? line.slice(2).trim() : undefined;
}

const SHOWN = 80;
/** Where a "#!" line that slipped down is looked for. */
const MAX_LINES = 5;

/** A shell script without anything that waits or repeats has ended in a moment. */
function triggerAdvice({ interpreter, text }: Script, trigger: Trigger | undefined): readonly string[] {
  if (trigger?.kind.case !== undefined || !isShell(interpreter, text) || LASTING.test(text)) return [];
  return [
    'it has no trigger, so it runs all the time, and its script looks as if it came to an end: it would be started again a second later, for ever. If it is a job: trigger: { on_demand: {} }, or a schedule; if it is meant so: trigger: { continuous: {} }',
  ];
}

/** What keeps a shell busy, or becomes another program. */
const LASTING = /\b(?:while|until|for|exec|wait|sleep|tail|watch|trap|read)\b|\bnpm (?:run|start)\b|\bserve\b/;
const SHELLS = /(?:^|[/\s])(?:ba|da|k|z|a)?sh(?:\s|$)/;

const isShell = (interpreter: readonly string[], text: string): boolean => {
  const named = interpreter.length > 0 ? interpreter.join(' ') : (namedBy(text.split('\n', 1)[0] ?? '') ?? '/bin/sh');
  return SHELLS.test(named);
};
