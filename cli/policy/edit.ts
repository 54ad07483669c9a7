/** `locum policy edit`: the policy as a file in an editor; what is saved is applied to the version that was read, or refused. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '@connectrpc/connect';
import { PolicyService, UpdatePolicyResponseSchema } from '../../shared/gen/locum/v1/policy_service_pb.ts';
import { nameIn } from '../client/names.ts';
import { withTransport } from '../client/session.ts';
import { CommandFailure } from '../exit-codes.ts';
import type { Globals } from '../globals.ts';
import { printAnswer, tell, warn } from '../output/print.ts';
import { idOf } from '../output/words.ts';
import { outcomeText } from './apply.ts';
import { parsePolicies } from './files.ts';
import { manifestText } from './manifest.ts';

export async function edit(globals: Globals, id: string): Promise<void> {
  if (globals.input === false)
    throw new CommandFailure('an editor is what --no-input rules out: use "policy apply -f"');
  await withTransport(globals, async (transport) => {
    const policies = createClient(PolicyService, transport);
    const name = nameIn('policies', id);
    const { policy } = await policies.getPolicy({ name });
    if (policy === undefined) throw new CommandFailure(`${id} is not there`);
    const folder = mkdtempSync(join(tmpdir(), 'locum-edit-'));
    const file = join(folder, `${idOf(name)}.yaml`);
    const before = `# Save and close to apply this; close without a change to leave ${idOf(name)} as it is.\n${await manifestText(policy)}`;
    writeFileSync(file, before, { mode: 0o600 });
    await openEditor(file);
    const after = readFileSync(file, 'utf8');
    if (after === before) {
      rmSync(folder, { recursive: true });
      tell('Nothing was changed.');
      return;
    }
    try {
      const [source, ...more] = parsePolicies(file, after);
      if (source === undefined || more.length > 0) throw new CommandFailure('there must be one policy in the file');
      if (source.policy.name !== name) {
        throw new CommandFailure(`the name can't be changed: save it under another one with "locum policy apply -f"`);
      }
      source.policy.etag = policy.etag;
      const answer = await policies.updatePolicy({ policy: source.policy });
      await printAnswer(globals, UpdatePolicyResponseSchema, answer, {
        table: () => outcomeText(idOf(name), answer, false),
        names: () => [name],
      });
      for (const warning of answer.warnings) warn(warning);
      rmSync(folder, { recursive: true });
    } catch (error) {
      tell(`What you wrote is in ${file}.`);
      throw error;
    }
  });
}

/** As git does it: the variable may have arguments in it. */
async function openEditor(file: string): Promise<void> {
  const editor = process.env['VISUAL'] || process.env['EDITOR'] || 'vi';
  const child = spawn('sh', ['-c', `${editor} "$@"`, editor, file], { stdio: 'inherit' });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0)
    throw new CommandFailure(`the editor (${editor}) ended with ${code ?? 'a signal'}; nothing was changed`);
}
