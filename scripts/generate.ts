/**
 * `npm run generate`: turns the protos into TypeScript under `shared/gen`, and them and the registry of metrics into the reference under
 * `docs/reference`.
 *
 * `node scripts/generate.ts DIR` writes both below `DIR` instead; the check "generated code is up to date" compares.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { apiPage } from './api-page.ts';
import { printValidateProto } from './validate-proto.ts';

const root = dirname(import.meta.dirname);

/** A buf module made on the spot, for protos that no installed package has under the name they are imported by. */
const madeModule = join(root, 'node_modules/.cache/locum-proto');

/** Puts a file in place in one move: a `buf` that runs at the same time must never read half of it. */
function place(path: string, text: string): void {
  const file = join(madeModule, path);
  mkdirSync(dirname(file), { recursive: true });
  const unfinished = `${file}.${process.pid}`;
  writeFileSync(unfinished, text);
  renameSync(unfinished, file);
}

place('buf/validate/validate.proto', printValidateProto());
// The package keeps it as `health/v1/health.proto`; clients that list files by reflection know it under the name below.
const health = join(root, 'node_modules/grpc-health-check/proto/health/v1/health.proto');
place('grpc/health/v1/health.proto', readFileSync(health, 'utf8'));

const target = process.argv[2];
const bin = join(root, 'node_modules/.bin');

/** What it writes to stdout. Messages go to the caller's stderr. */
function buf(...words: readonly string[]): Buffer {
  const done = spawnSync(join(bin, 'buf'), words, {
    cwd: root,
    stdio: ['inherit', 'pipe', 'inherit'],
    maxBuffer: 64 * 1024 * 1024,
    // protoc-gen-es is a Node script found through PATH; npm has put both there, a caller by hand may not have.
    env: { ...process.env, PATH: `${bin}:${process.env['PATH'] ?? ''}` },
  });
  if (done.error !== undefined) throw done.error;
  if (done.status !== 0) process.exit(done.status ?? 1);
  return done.stdout;
}

buf('generate', ...(target === undefined ? [] : ['--output', target]));
const paths = ['proto/locum/v1', 'proto/locum/config/v1'].flatMap((path) => ['--path', path]);
const described = fromBinary(FileDescriptorSetSchema, buf('build', '.', ...paths, '--output', '-#format=binpb'));
const reference = join(target ?? root, 'docs/reference');
mkdirSync(reference, { recursive: true });
// These load the programs, which may need the code that has just been generated.
const { configurationPage, policyPage } = await import('./file-pages.ts');
const { metricsPage } = await import('./metrics-page.ts');
const pages = {
  'api.md': apiPage(described),
  'configuration.md': configurationPage(described),
  'policy.md': policyPage(described),
  'metrics.md': await metricsPage(),
};
for (const [name, text] of Object.entries(pages)) writeFileSync(join(reference, name), text);
