/** The package for Java, as a Maven repository of files: the jar, its sources and its pom at the places where Maven looks for them. */
import { chmodSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { assemble, needsEmpty, Refused, root, run, staging } from './sdk-build.ts';

const COPY = 'org.apache.maven.plugins:maven-dependency-plugin:3.11.0:copy';
/** As the names of compilers in Maven's repositories have them. */
const SYSTEMS: Readonly<Record<string, string>> = { linux: 'linux', darwin: 'osx', win32: 'windows' };
const PROCESSORS: Readonly<Record<string, string>> = { x64: 'x86_64', arm64: 'aarch_64' };

function maven(folder: string, ...words: readonly string[]): void {
  run('mvn', '--batch-mode', '--quiet', '-Dstyle.color=never', '--file', folder, ...words);
}

/** What the library is built with is said once, in its pom. */
function versionIn(pom: string, name: string): string {
  const found = new RegExp(`<${name}>([^<]+)</${name}>`).exec(pom)?.[1];
  if (found === undefined) throw new Refused(`sdk/java/pom.xml has no ${name}`);
  return found;
}

/** protoc and its plugin, of the versions of the libraries; Maven keeps them for the next time. */
function fetchCompilers(folder: string): void {
  const pom = readFileSync(join(root, 'sdk/java/pom.xml'), 'utf8');
  const system = `${SYSTEMS[process.platform] ?? process.platform}-${PROCESSORS[process.arch] ?? process.arch}`;
  const compilers = {
    protoc: `com.google.protobuf:protoc:${versionIn(pom, 'protobuf.version')}`,
    'protoc-gen-grpc-java': `io.grpc:protoc-gen-grpc-java:${versionIn(pom, 'grpc.version')}`,
  };
  mkdirSync(folder);
  for (const [name, artifact] of Object.entries(compilers)) {
    maven(
      join(root, 'sdk/java'),
      COPY,
      `-Dartifact=${artifact}:exe:${system}`,
      `-DoutputDirectory=${folder}`,
      '-Dmdep.stripVersion=true',
    );
    const program = join(folder, process.platform === 'win32' ? `${name}.exe` : name);
    renameSync(join(folder, `${name}-${system}.exe`), program);
    chmodSync(program, 0o755);
  }
}

export function makeJava(folder: string): void {
  needsEmpty(folder);
  staging((staged) => {
    const [compilers, project] = [join(staged, 'compilers'), join(staged, 'project')];
    fetchCompilers(compilers);
    assemble('java', project, [compilers]);
    maven(project, 'deploy', `-DaltDeploymentRepository=local::${pathToFileURL(folder).href}`);
  });
}
