/** `locum snapshot save`: the file appears when it is complete, and never replaces another. */
import { linkSync, rmSync, writeFileSync } from 'node:fs';
import { createClient } from '@connectrpc/connect';
import { decodeSnapshot } from '../../controller/snapshot/snapshot.ts';
import { errorCode } from '../../shared/caught-error.ts';
import { ClusterService } from '../../shared/gen/locum/v1/cluster_service_pb.ts';
import { withTransport } from '../client/session.ts';
import { CommandFailure, EXIT } from '../exit-codes.ts';
import type { Globals } from '../globals.ts';
import { printLine } from '../output/print.ts';
import { describeSnapshot } from './describe.ts';

export async function save(globals: Globals, file: string): Promise<void> {
  await withTransport(globals, async (transport) => {
    const parts: Uint8Array[] = [];
    for await (const { data } of createClient(ClusterService, transport).saveSnapshot({})) parts.push(data);
    const bytes = Buffer.concat(parts);
    const snapshot = decodeSnapshot(bytes);
    const draft = `${file}.part-${process.pid}`;
    try {
      writeFileSync(draft, bytes, { mode: 0o600, flush: true });
      linkSync(draft, file);
    } catch (error) {
      if (errorCode(error) === 'EEXIST') {
        throw new CommandFailure(`${file} is there already: a snapshot never replaces another file`, EXIT.conflict);
      }
      throw error;
    } finally {
      rmSync(draft, { force: true });
    }
    printLine(`Saved ${file}: ${describeSnapshot(snapshot)}`);
  });
}
