/** Where a text of a message is met, and so which characters it may have. */
import type { DescField } from '@bufbuild/protobuf';

/**
 * `line`: people read it in a line: no control characters. `program`: a program is given it: anything but NUL. `told`: an agent tells
 * it about a process, whose name may have anything in it: the codec escapes it.
 */
export type TextKind = 'line' | 'program' | 'told';

const KINDS: ReadonlyMap<string, TextKind> = new Map([
  ['locum.v1.Command.argv', 'program'],
  ['locum.v1.Script.interpreter', 'program'],
  ['locum.v1.Script.text', 'program'],
  // PEM, which is written anew from what it is read as.
  ['locum.v1.RotateAuthorityRequest.certificate', 'program'],
  ['locum.v1.StartPolicyRequest.arguments', 'program'],
  ['locum.v1.Workload.env', 'program'],
  ['locum.v1.AttemptEnd.detail', 'told'],
  ['locum.v1.AttemptEnd.signal', 'told'],
  ['locum.v1.AttemptEnd.proof', 'told'],
  ['locum.v1.CommandResult.detail', 'told'],
  ['locum.v1.CommandResult.reason', 'told'],
  ['locum.v1.Goodbye.reason', 'told'],
  ['locum.v1.OutputChunk.error', 'told'],
  ['locum.v1.HostProblem.detail', 'told'],
]);

export function textKindOf(field: DescField): TextKind {
  const known = KINDS.get(`${field.parent.typeName}.${field.name}`);
  // Files of configuration are written by who runs the program, and hold commands.
  return known ?? (field.parent.typeName.startsWith('locum.v1.') ? 'line' : 'program');
}
