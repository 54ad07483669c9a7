/** `locum snapshot save`: the file appears when it is complete, and never replaces another. */
import { createClient } from '@connectrpc/connect';
import { decodeSnapshot } from '../../controller/snapshot/snapshot.ts';
import { ClusterService } from '../../shared/gen/locum/v1/cluster_service_pb.ts';
import { withTransport } from '../client/session.ts';
import type { Globals } from '../globals.ts';
import { writeNewFile } from '../output/new-file.ts';
import { printLine } from '../output/print.ts';
import { describeSnapshot } from './describe.ts';

export async function save(globals: Globals, file: string): Promise<void> {
  await withTransport(globals, async (transport) => {
    const parts: Uint8Array[] = [];
    for await (const { data } of createClient(ClusterService, transport).saveSnapshot({})) parts.push(data);
    const bytes = Buffer.concat(parts);
    const snapshot = decodeSnapshot(bytes);
    writeNewFile(file, bytes, 'a snapshot never replaces another file');
    printLine(`Saved ${file}: ${describeSnapshot(snapshot)}`);
  });
}
