/** `locum snapshot inspect`. */
import { readFileSync } from 'node:fs';
import { decodeSnapshot } from '../../controller/snapshot/snapshot.ts';
import { printLine } from '../output/print.ts';
import { describeSnapshot } from './describe.ts';

export function inspect(file: string): void {
  printLine(`${file} is complete: ${describeSnapshot(decodeSnapshot(readFileSync(file)))}`);
}
