/** `npm run package`: what people install. */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseUsage, refuse } from '../usage.ts';
import { inScratch, packArchive, packForNpm } from './archive.ts';
import { packForDebian } from './debian.ts';
import { ARCHITECTURES } from './node-program.ts';
import { stagePackage } from './stage.ts';

const USAGE = `npm run package -- npm       the package for npm, with all packages that it needs
npm run package -- archive   a tar with its own Node, for Linux
npm run package -- deb       a package for Debian and its kin (needs dpkg-deb)
npm run package              all of them

  --arch x64|arm64   for this processor (default: both)
  --out FOLDER       where to put them (default: packages/)
  --quick            hardly compressed`;

const KINDS = ['npm', 'archive', 'deb'];

const { values, positionals } = parseUsage(USAGE, {
  options: { arch: { type: 'string' }, out: { type: 'string' }, quick: { type: 'boolean' } },
  allowPositionals: true,
});
const unknown = positionals.find((kind) => !KINDS.includes(kind));
if (unknown !== undefined) refuse(`There is no package "${unknown}". There are: ${KINDS.join(', ')}`);
const architectures = ARCHITECTURES.filter((one) => values.arch === undefined || one === values.arch);
if (architectures.length === 0) refuse(`--arch: "${values.arch}" is none of ${ARCHITECTURES.join(', ')}`);
const kinds = positionals.length === 0 ? KINDS : positionals;
// A path is meant from where npm was called; npm itself goes to the project's root.
const out = resolve(process.env['INIT_CWD'] ?? process.cwd(), values.out ?? 'packages');
mkdirSync(out, { recursive: true });

const tell = (file: string): void => {
  const bytes = readFileSync(file);
  const digest = createHash('sha256').update(bytes).digest('hex');
  console.log(`${digest}  ${file}  (${(bytes.length / 1e6).toFixed(1)} MB)`);
};
await inScratch(async (staged) => {
  stagePackage(staged);
  const packing = { staged, out, isQuick: values.quick === true };
  if (kinds.includes('npm')) tell(packForNpm(packing));
  for (const architecture of architectures) {
    if (kinds.includes('archive')) tell(await packArchive(packing, architecture));
    if (kinds.includes('deb')) tell(await packForDebian(packing, architecture));
  }
});
