/** `locum debug bundle`: one file for whoever looks for a fault, without secrets. It appears when it is whole, for its owner alone. */
import { gzipSync } from 'node:zlib';
import { createClient } from '@connectrpc/connect';
import { messageOf } from '../../shared/caught-error.ts';
import { textWithoutSecrets } from '../../shared/config/secrets.ts';
import { count } from '../../shared/count.ts';
import {
  ClusterService,
  type Controller,
  type GetDiagnosticsResponse,
  GetDiagnosticsResponseSchema,
} from '../../shared/gen/locum/v1/cluster_service_pb.ts';
import { printableJson } from '../../shared/printable.ts';
import { withTransport } from '../client/session.ts';
import type { Globals } from '../globals.ts';
import { locumVersion } from '../locum-version.ts';
import { writeNewFile } from '../output/new-file.ts';
import { printLine, warn } from '../output/print.ts';
import { idOf } from '../output/words.ts';
import { type Part, partsOf, shownJson } from './parts.ts';
import { type TarFile, tarOf } from './tar.ts';

export interface BundleOptions {
  /** Of events; wall time in milliseconds. */
  readonly since?: number;
}

const DAY_MS = 24 * 3_600_000;
/** Asks each controller for what it knows of itself, whoever leads. */
const ITSELF = { headers: { 'x-locum-read': 'stale' } };

interface Missing {
  readonly file: string;
  readonly because: string;
}

/** @throws LocumError PERMISSION_DENIED, with nothing written, for who may not see how controllers are configured */
export async function bundle(globals: Globals, file: string | undefined, { since }: BundleOptions): Promise<void> {
  const now = new Date();
  const stem = `locum-debug-${now.toISOString().replaceAll(/[-:]|\.\d+/g, '')}`;
  const target = file ?? `${stem}.tar.gz`;
  await withTransport(globals, async (transport) => {
    const cluster = createClient(ClusterService, transport);
    const leader = await cluster.getDiagnostics({});
    const others = (await cluster.listControllers({})).controllers.filter(({ name }) => name !== leader.controller);
    const parts = [
      ...partsOf(transport, since ?? now.getTime() - DAY_MS),
      ...partsOfController(leader.controller, async () => leader),
      ...others.flatMap((other) => partsOfController(other.name, () => askController(globals, other))),
    ];
    const { files, missing } = await readParts(parts);
    const manifest = manifestOf({ globals, now, files, missing });
    const all = [{ name: 'manifest.json', data: manifest }, ...files].map(({ name, data }) => ({
      name: `${stem}/${name}`,
      data,
    }));
    const bytes = gzipSync(tarOf(all, now.getTime() / 1000));
    writeNewFile(target, bytes, 'a bundle never replaces another file');
    for (const { file: name, because } of missing) warn(`${name} is not in it: ${because}`);
    printLine(
      `Saved ${target}: ${count(all.length, 'file')}, ${Math.ceil(bytes.length / 1024)} KiB. Look into it before you give it away.`,
    );
  });
}

async function askController(globals: Globals, { apiEndpoint }: Controller): Promise<GetDiagnosticsResponse> {
  return withTransport({ ...globals, address: [apiEndpoint] }, (transport) =>
    createClient(ClusterService, transport).getDiagnostics({}, ITSELF),
  );
}

/** What it says of itself, and its metrics as a text of their own. Asked once. */
function partsOfController(name: string, ask: () => Promise<GetDiagnosticsResponse>): readonly Part[] {
  let asked: Promise<GetDiagnosticsResponse> | undefined;
  const answer = (): Promise<GetDiagnosticsResponse> => (asked ??= ask());
  // A name that is none leads out of no folder.
  const folder = `controllers/${idOf(name).replaceAll(/[^\w-]/g, '_')}`;
  return [
    {
      file: `${folder}/diagnostics.json`,
      read: async () => shownJson(GetDiagnosticsResponseSchema, { ...(await answer()), metrics: '' }),
    },
    { file: `${folder}/metrics.txt`, read: async () => textWithoutSecrets((await answer()).metrics) },
  ];
}

/** One after the other: a cluster that is in trouble is asked gently. */
async function readParts(parts: readonly Part[]): Promise<{ readonly files: TarFile[]; readonly missing: Missing[] }> {
  const files: TarFile[] = [];
  const missing: Missing[] = [];
  for (const { file, read } of parts) {
    try {
      files.push({ name: file, data: Buffer.from(await read()) });
    } catch (error) {
      missing.push({ file, because: textWithoutSecrets(messageOf(error)) });
    }
  }
  return { files, missing };
}

interface Made {
  readonly globals: Globals;
  readonly now: Date;
  readonly files: readonly TarFile[];
  readonly missing: readonly Missing[];
}

function manifestOf({ globals, now, files, missing }: Made): Buffer {
  const manifest = {
    made: now.toISOString(),
    by: {
      version: locumVersion(),
      runtime: `Node ${process.versions.node}`,
      platform: `${process.platform} ${process.arch}`,
    },
    addresses: globals.address,
    files: files.map(({ name, data }) => ({ name, bytes: data.length })),
    missing,
  };
  return Buffer.from(`${printableJson(JSON.stringify(manifest, null, 2))}\n`);
}
