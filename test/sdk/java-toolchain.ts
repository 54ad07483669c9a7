/** The package for Java, built as a user would get it, and a program of another Maven project that uses it. */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT } from '../e2e/locum-command.ts';
import { ProgramDriver } from './driver.ts';
import { keptPackage } from './kept-package.ts';
import { provided, step } from './toolchains.ts';

const CLASSPATH = 'org.apache.maven.plugins:maven-dependency-plugin:3.11.0:build-classpath';
const FLAGS = ['--batch-mode', '--quiet', '-Dstyle.color=never'];
/** All that the package is made of, beside the protos. */
const SOURCES = ['sdk/java/pom.xml', 'sdk/java/buf.gen.yaml', 'sdk/java/src', 'scripts/java-package.ts'];

function builtRepository(): string {
  step('javac', ['-version']);
  return keptPackage({ language: 'java', sources: SOURCES, tool: step('mvn', ['--version']) });
}

/** The project of the README that uses the package. */
export function userProject(folder: string): void {
  const pom = /^```xml\n(.*?)^```$/ms.exec(readFileSync(join(ROOT, 'sdk/java/README.md'), 'utf8'))?.[1] ?? '';
  writeFileSync(join(folder, 'pom.xml'), pom.replace('file:///opt/locum-java', pathToFileURL(builtRepository()).href));
}

/** Compiles what is in its `src`, and gives what Java needs to run it. */
export function compiled(folder: string): readonly ['java', ...string[]] {
  step('mvn', [...FLAGS, 'compile', CLASSPATH, '-Dmdep.outputFile=classpath'], { cwd: folder });
  const libraries = readFileSync(join(folder, 'classpath'), 'utf8').trim();
  return ['java', '-cp', [join(folder, 'target/classes'), libraries].join(delimiter)];
}

/** What the program of the list needs beside the package: messages as JSON. */
function withJson(pom: string): string {
  const protobuf = /<protobuf.version>([^<]+)</.exec(readFileSync(join(ROOT, 'sdk/java/pom.xml'), 'utf8'))?.[1] ?? '';
  const artifacts = [
    ['com.google.protobuf', 'protobuf-java-util', protobuf],
    ['com.google.code.gson', 'gson', '2.14.0'],
  ];
  const dependencies = artifacts.map(
    ([group, artifact, version]) =>
      `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`,
  );
  return pom.replace('</dependencies>', `${dependencies.join('')}</dependencies>`);
}

export const provideJava = provided((folder) => {
  userProject(folder);
  const pom = join(folder, 'pom.xml');
  writeFileSync(pom, withJson(readFileSync(pom, 'utf8')));
  const sources = join(folder, 'src/main/java');
  mkdirSync(sources, { recursive: true });
  cpSync(join(ROOT, 'sdk/java/conformance/Player.java'), join(sources, 'Player.java'));
  const [java, ...words] = compiled(folder);
  return {
    start: () => new ProgramDriver(java, [...words, 'Player']),
    // Java compiles a program of one file by itself.
    command: (file) => [java, ...words, file],
  };
});
