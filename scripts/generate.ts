/**
 * `npm run generate`: turns the protos into TypeScript under `shared/gen`.
 *
 * `node scripts/generate.ts DIR` writes to `DIR/shared/gen` instead; the check "generated code is up to date" compares
 * the two.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
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
const buf = join(root, 'node_modules/.bin/buf');
const done = spawnSync(buf, ['generate', ...(target === undefined ? [] : ['--output', target])], {
  cwd: root,
  stdio: 'inherit',
  // protoc-gen-es is a Node script found through PATH; npm has put both there, a caller by hand may not have.
  env: { ...process.env, PATH: `${dirname(buf)}:${process.env['PATH'] ?? ''}` },
});
if (done.error !== undefined) throw done.error;
process.exitCode = done.status ?? 1;
