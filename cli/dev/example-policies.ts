/** The policies in `examples/`, with their folders inside a cluster's own data folder. */
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createClient, type Transport } from '@connectrpc/connect';
import type { Policy } from '../../shared/gen/locum/v1/policy_pb.ts';
import { PolicyService } from '../../shared/gen/locum/v1/policy_service_pb.ts';
import { CommandFailure } from '../exit-codes.ts';
import { parsePolicies } from '../policy/files.ts';

/** Beside this checkout's `cli`, or beside the `dist` of a published package. */
export function examplesFolder(): string {
  const folder = ['../../examples', '../../../examples']
    .map((path) => join(import.meta.dirname, path))
    .find(existsSync);
  if (folder === undefined)
    throw new CommandFailure('the folder "examples" is not there; --no-examples goes without it');
  return folder;
}

export interface ExampleSetting {
  /** Takes the place of the shared folder of the examples. */
  readonly sharedDir: string;
  /** Of this cluster, for the monitor. */
  readonly apiAddress: string;
}

/** Only variables are changed: what runs is what the files say. */
export function examplePolicies({ sharedDir, apiAddress }: ExampleSetting): Policy[] {
  const folder = examplesFolder();
  const files = readdirSync(folder).filter((name) => name.endsWith('.yaml'));
  const policies = files
    .sort()
    .flatMap((name) => parsePolicies(name, readFileSync(join(folder, name), 'utf8')))
    .map(({ policy }) => policy);
  for (const { workload } of policies) {
    if (workload === undefined) continue;
    if (workload.env['DATA_DIR'] !== undefined) workload.env['DATA_DIR'] = sharedDir;
    if (workload.env['SOURCE_DIR'] !== undefined) workload.env['SOURCE_DIR'] = join(sharedDir, 'processed');
    if (workload.env['URLS'] !== undefined) workload.env['URLS'] = `http://${apiAddress}/`;
  }
  return policies;
}

export async function applyExamples(transport: Transport, setting: ExampleSetting): Promise<readonly string[]> {
  mkdirSync(setting.sharedDir, { recursive: true });
  const client = createClient(PolicyService, transport);
  const policies = examplePolicies(setting);
  for (const policy of policies) await client.updatePolicy({ policy, allowMissing: true });
  return policies.map(({ name }) => name);
}
