/** `locum pki trust`: the roots of a cluster whose controllers are known already, into the file that says by which they are known. */

import { join } from 'node:path';
import { createClient } from '@connectrpc/connect';
import { EnrolmentService, GetRootsResponseSchema } from '../../shared/gen/locum/v1/enrolment_service_pb.ts';
import { replacePrivateFile } from '../../shared/pki/private-file.ts';
import { caHashesOf } from '../../shared/pki/roots.ts';
import { withTransport } from '../client/session.ts';
import type { TlsFiles } from '../context/layers.ts';
import { CommandFailure } from '../exit-codes.ts';
import type { Globals } from '../globals.ts';
import { printAnswer } from '../output/print.ts';

export interface TrustOptions {
  readonly out?: string;
}

/** The answer comes over a connection for which the roots of before stand, so it may be believed. */
export async function trust(globals: Globals, { out }: TrustOptions): Promise<void> {
  const file = out ?? fileOf(globals.target?.tls?.value);
  await withTransport(globals, async (transport) => {
    const answer = await createClient(EnrolmentService, transport).getRoots({});
    const hashes = caHashesOf(answer.roots);
    replacePrivateFile(file, answer.roots);
    await printAnswer(globals, GetRootsResponseSchema, answer, {
      table: () => [`${file} trusts`, ...hashes.map((hash) => `  ${hash}`)].join('\n'),
      names: () => hashes,
    });
  });
}

function fileOf(files: TlsFiles | undefined): string {
  if (files?.folder !== undefined) return join(files.folder, 'ca.crt');
  if (files?.caFile !== undefined) return files.caFile;
  throw new CommandFailure(
    'These controllers are known by no file: say with --ca-file, or in a context, which authority stands for them.',
  );
}
