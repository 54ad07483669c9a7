/**
 * `npm run sdk`: makes the packages of the client libraries in other languages (sdk/README.md). What is generated from the protos is in
 * the packages, and nowhere in this checkout.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { printPythonServices } from './python-services.ts';

const USAGE = `npm run sdk -- typescript FOLDER   packs the package for npm into the folder
npm run sdk -- python FOLDER       builds a wheel into the folder; needs protoc, python3 and pip
npm run sdk -- go FOLDER           writes the Go module; needs protoc-gen-go and protoc-gen-go-grpc`;

const root = dirname(import.meta.dirname);
const bin = join(root, 'node_modules/.bin');

class Refused extends Error {}

function run(command: string, ...words: readonly string[]): void {
  const env = { ...process.env, PATH: `${bin}${delimiter}${process.env['PATH'] ?? ''}` };
  const done = spawnSync(command, words, { cwd: root, env, stdio: 'inherit' });
  if (done.error !== undefined) throw new Refused(`${command}: ${done.error.message}`);
  if (done.status !== 0) throw new Refused(`${command} failed`);
}

/** The sources of a language, and beside them what is generated. */
function assemble(language: string, folder: string): void {
  run('buf', 'generate', '--template', `sdk/${language}/buf.gen.yaml`, '--output', folder);
  cpSync(join(root, 'sdk', language), folder, {
    recursive: true,
    // What a build or a test left in the sources is no part of them.
    filter: (path) => !/\/(?:__pycache__|gen|build|target|[^/]*\.egg-info)$/.test(path),
  });
}

function makeWheel(folder: string): void {
  const staged = mkdtempSync(join(tmpdir(), 'locum-sdk-'));
  try {
    assemble('python', staged);
    const sources = join(staged, 'src/locum');
    writeFileSync(join(sources, 'services.py'), printPythonServices());
    writeFileSync(join(sources, 'v1/__init__.py'), '"""The messages of the API, generated from its protos."""\n');
    mkdirSync(folder, { recursive: true });
    run('python3', '-m', 'pip', 'wheel', '--quiet', '--no-deps', '--wheel-dir', folder, staged);
  } finally {
    rmSync(staged, { recursive: true, force: true });
  }
}

function writeModule(folder: string): void {
  if (existsSync(folder) && readdirSync(folder).length > 0) throw new Refused(`${folder} is not empty`);
  assemble('go', folder);
}

/** The library's files with what they import of the rest, at the same places as here. */
function packTypeScript(folder: string): void {
  const staged = mkdtempSync(join(tmpdir(), 'locum-sdk-'));
  try {
    const sources = readdirSync(join(root, 'sdk/typescript')).filter((name) => name.endsWith('.ts'));
    const messages = readdirSync(join(root, 'shared/gen/locum/v1')).filter((name) => name !== 'agent_service_pb.ts');
    const build = { extends: join(root, 'tsconfig.json'), include: [], exclude: [], files: [] as string[] };
    build.files = [
      ...sources.map((name) => join(root, 'sdk/typescript', name)),
      ...messages.map((name) => join(root, 'shared/gen/locum/v1', name)),
    ];
    const options = { noEmit: false, rootDir: root, outDir: staged, declaration: true };
    const typeRoots = [join(root, 'node_modules/@types')];
    writeFileSync(
      join(staged, 'tsconfig.json'),
      JSON.stringify({ ...build, compilerOptions: { ...options, typeRoots } }),
    );
    run('tsc', '-p', join(staged, 'tsconfig.json'));
    rmSync(join(staged, 'tsconfig.json'));
    writeFileSync(join(staged, 'package.json'), JSON.stringify(typescriptManifest(), undefined, 2));
    cpSync(join(root, 'sdk/typescript/README.md'), join(staged, 'README.md'));
    cpSync(join(root, 'LICENSE'), join(staged, 'LICENSE'));
    mkdirSync(folder, { recursive: true });
    run('npm', 'pack', '--silent', '--pack-destination', folder, staged);
  } finally {
    rmSync(staged, { recursive: true, force: true });
  }
}

const TYPESCRIPT_NEEDS = [
  '@bufbuild/protobuf',
  '@bufbuild/protovalidate',
  '@connectrpc/connect',
  '@connectrpc/connect-node',
];

function typescriptManifest(): object {
  const { version, license, dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return {
    name: 'locum-client',
    version,
    license,
    description: 'Client of Locum, a failover control plane for automation hosts.',
    type: 'module',
    engines: { node: '>=20' },
    exports: { './v1/*': './shared/gen/locum/v1/*.js', './*': './sdk/typescript/*.js' },
    dependencies: Object.fromEntries(TYPESCRIPT_NEEDS.map((name) => [name, dependencies[name]])),
  };
}

const MAKERS: Readonly<Record<string, (folder: string) => void>> = {
  typescript: packTypeScript,
  python: makeWheel,
  go: writeModule,
};

function main([language = '', folder, ...rest]: readonly string[]): void {
  const make = Object.hasOwn(MAKERS, language) ? MAKERS[language] : undefined;
  if (make === undefined || folder === undefined || rest.length > 0) throw new Refused(USAGE);
  // A path is meant from where npm was called; npm itself goes to the project's root.
  make(resolve(process.env['INIT_CWD'] ?? process.cwd(), folder));
}

try {
  main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof Refused)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
