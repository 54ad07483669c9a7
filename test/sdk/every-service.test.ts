/** That no library was forgotten when the API got a service. Rust's clients are made from the descriptors, all of them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { printPythonServices } from '../../scripts/python-services.ts';
import { services } from '../e2e/every-method.ts';
import { ROOT } from '../e2e/locum-command.ts';

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

const NAMES = services.map(({ name }) => name);

it.each([
  ['TypeScript', read('sdk/typescript/services.ts'), (name: string) => `createClient(${name}, `],
  ['Python', printPythonServices(), (name: string) => `"/locum.v1.${name}/`],
  ['Go', read('sdk/go/client.go'), (name: string) => `locumv1.New${name}Client(`],
  ['Java', read('sdk/java/src/main/java/locum/client/Locum.java'), (name: string) => `${name}Grpc.newBlockingStub(`],
])('a client in %s has every service of the API', (_language, source, mark) => {
  expect(NAMES.length).toBeGreaterThan(0);
  expect(NAMES.filter((name) => !source.includes(mark(name)))).toEqual([]);
});
