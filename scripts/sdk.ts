/**
 * `npm run sdk`: makes the packages of the client libraries in other languages (sdk/README.md). What is generated from the protos is in
 * the packages, and nowhere in this checkout.
 */
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { makeJava } from './java-package.ts';
import { printPythonServices } from './python-services.ts';
import { makeRust } from './rust-package.ts';
import { assemble, needsEmpty, Refused, root, run, staging } from './sdk-build.ts';

const USAGE = `npm run sdk -- typescript FOLDER   packs the package for npm into the folder
npm run sdk -- python FOLDER       builds a wheel into the folder; needs protoc, python3 and pip
npm run sdk -- go FOLDER           writes the Go module; needs protoc-gen-go and protoc-gen-go-grpc
npm run sdk -- java FOLDER         builds the jar into the folder, a repository for Maven; needs mvn and a JDK
npm run sdk -- rust FOLDER         packs the crate into the folder, and unpacks it; needs cargo`;

function makeWheel(folder: string): void {
  staging((staged) => {
    assemble('python', staged);
    const sources = join(staged, 'src/locum');
    writeFileSync(join(sources, 'services.py'), printPythonServices());
    writeFileSync(join(sources, 'v1/__init__.py'), '"""The messages of the API, generated from its protos."""\n');
    mkdirSync(folder, { recursive: true });
    run('python3', '-m', 'pip', 'wheel', '--quiet', '--no-deps', '--wheel-dir', folder, staged);
  });
}

function writeModule(folder: string): void {
  needsEmpty(folder);
  assemble('go', folder);
}

/** The library's files with what they import of the rest, at the same places as here. */
function packTypeScript(folder: string): void {
  staging((staged) => {
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
  });
}

const TYPESCRIPT_NEEDS = [
  '@bufbuild/protobuf',
  '@bufbuild/protovalidate',
  '@connectrpc/connect',
  '@connectrpc/connect-node',
  '@connectrpc/connect-web',
];

function typescriptManifest(): object {
  const { version, license, ...needs } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const known = { ...needs.devDependencies, ...needs.dependencies };
  return {
    name: 'locum-client',
    version,
    license,
    description: 'Client of Locum, a failover control plane for automation hosts.',
    type: 'module',
    engines: { node: '>=20' },
    exports: { './v1/*': './shared/gen/locum/v1/*.js', './*': './sdk/typescript/*.js' },
    dependencies: Object.fromEntries(TYPESCRIPT_NEEDS.map((name) => [name, known[name]])),
  };
}

const MAKERS: Readonly<Record<string, (folder: string) => void>> = {
  typescript: packTypeScript,
  python: makeWheel,
  go: writeModule,
  java: makeJava,
  rust: makeRust,
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
