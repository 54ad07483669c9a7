import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

/** Takes every descriptor, and tells what reads still do. */
const PROGRAM = `
const { readFileSync, openSync } = await import('node:fs');
const { keepDescriptors, readKernelFile, readKernelFileLater, namesInKernelFolder } = await import(process.argv[1]);
keepDescriptors();
const said = [];
const attempt = (name, act) => { try { act(); said.push(name + ' works'); } catch (error) { said.push(name + ' ' + error.code); } };
try { for (;;) openSync('/dev/null', 'r'); } catch {}
for (let i = 0; i < 3; i += 1) attempt('a kernel file', () => readKernelFile('/proc/self/stat'));
attempt('a kernel folder', () => namesInKernelFolder('/proc'));
attempt('any other file', () => readFileSync('/proc/self/stat'));
const later = await Promise.all(Array.from({ length: 16 }, () => readKernelFileLater('/proc/self/environ')));
said.push(later.filter((text) => text.includes('MARK=it')).length + ' environments');
attempt('a kernel file after that', () => readKernelFile('/proc/self/stat'));
process._rawDebug(said.join(', '));
`;

it('a kernel file can be read with no descriptor left, as often as is needed', async (ctx) => {
  if (process.platform !== 'linux') ctx.skip('/proc is a thing of Linux');
  const module = join(import.meta.dirname, '../../shared/host/kernel-file.ts');
  const { stderr } = await promisify(execFile)('sh', [
    ...['-c', 'ulimit -n 100; MARK=it exec "$@"', 'sh', process.execPath],
    ...['--no-warnings', '--input-type=module', '-e', PROGRAM, module],
  ]);
  expect(stderr.trim()).toBe(
    'a kernel file works, a kernel file works, a kernel file works, a kernel folder works, any other file EMFILE, ' +
      '16 environments, a kernel file after that works',
  );
});
