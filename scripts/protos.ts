/**
 * `npm run protos`: the API's protos for programs in other languages (docs/protos.md). Nothing is fetched from a network: what they
 * import comes from installed packages.
 */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { BASELINE, compareWith, moveBaseline } from './proto-baseline.ts';
import { buf, exportTo, PUBLIC, paths, Refused } from './proto-export.ts';

const USAGE = `npm run protos -- export FOLDER      writes locum.v1 and all that it imports, for protoc
npm run protos -- descriptors FILE   writes a descriptor set, for grpcurl -protoset
npm run protos -- breaking [REF]     what would break clients of that tag or commit; without one, of the baseline
npm run protos -- baseline [REF]     takes that tag or commit, or the protos here, as the baseline
  --file FILE                        another baseline than proto/baseline.binpb.gz`;

/** A path is meant from where npm was called; npm itself goes to the project's root. */
const pathOf = (operand: string): string => resolve(process.env['INIT_CWD'] ?? process.cwd(), operand);

function needed(operand: string | undefined): string {
  if (operand === undefined) throw new Refused(USAGE);
  return operand;
}

const VERBS: Readonly<Record<string, (operand: string | undefined, baseline: string) => void>> = {
  export: (folder) => exportTo(pathOf(needed(folder))),
  descriptors: (file) => {
    const output = `${pathOf(needed(file))}#format=binpb`;
    buf('build', '.', ...paths(PUBLIC), '--as-file-descriptor-set', '--output', output);
  },
  breaking: (ref, baseline) => compareWith({ ref, baseline }),
  baseline: (ref, baseline) => moveBaseline({ ref, baseline }),
};

function main(): void {
  const options = { help: { type: 'boolean' }, file: { type: 'string' } } as const;
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  if (values.help === true) {
    console.log(USAGE);
    return;
  }
  const [verb = '', operand, ...rest] = positionals;
  const action = Object.hasOwn(VERBS, verb) ? VERBS[verb] : undefined;
  if (action === undefined || rest.length > 0) throw new Refused(USAGE);
  action(operand, values.file === undefined ? BASELINE : pathOf(values.file));
}

try {
  main();
} catch (error) {
  if (error instanceof Error && error.message !== '') console.error(error.message);
  process.exitCode = 1;
}
