/** Keys that are made here, and are known to nobody else. */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createClient } from '@connectrpc/connect';
import { ClusterService } from '../../shared/gen/locum/v1/cluster_service_pb.ts';
import { makeAuthority } from '../../shared/pki/authority.ts';
import { createPrivateFile, readPrivateFile, replacePrivateFile } from '../../shared/pki/private-file.ts';
import { caHashOf } from '../../shared/pki/roots.ts';
import { newWrappingKey } from '../../shared/pki/wrapping-key.ts';
import { withTransport } from '../client/session.ts';
import { CommandFailure } from '../exit-codes.ts';
import type { Globals } from '../globals.ts';
import { printLine, tell } from '../output/print.ts';

/** For the cluster that is asked; its controllers see nothing of it. Never in place of another root. */
export async function newRoot(globals: Globals, folder: string): Promise<void> {
  const { clusterId } = await withTransport(globals, (transport) =>
    createClient(ClusterService, transport).getStatus({}),
  );
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const [certFile, keyFile] = [join(folder, 'ca.crt'), join(folder, 'ca.key')];
  const { certPem, keyPem } = await makeAuthority(clusterId, Date.now());
  if (existsSync(certFile) || !createPrivateFile(keyFile, keyPem))
    throw new CommandFailure(`${folder} has an authority already: give another folder`);
  replacePrivateFile(certFile, certPem);
  printLine(`${caHashOf(readFileSync(certFile, 'utf8'))}: ${folder}`);
}

/** In front of those that are there: they still open what they wrapped. */
export function newWrapping(file: string): void {
  const others = existsSync(file) ? readPrivateFile(file) : '';
  replacePrivateFile(file, newWrappingKey() + others);
  printLine(file);
  tell('Copy it to every controller. Whoever has it, and a copy of the store, can sign for anybody.');
}
