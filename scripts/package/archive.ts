/** `locum-VERSION-linux-ARCH.tar.gz`: unpack it anywhere and call `bin/locum`. The same source gives the same bytes. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Architecture } from './node-program.ts';
import { placeProgram } from './program-folder.ts';
import { readManifest, runTool, sourceDate } from './stage.ts';

/** Makes a file of what is placed in a scratch folder. */
export async function inScratch<T>(make: (scratch: string) => T | Promise<T>): Promise<T> {
  const scratch = mkdtempSync(join(tmpdir(), 'locum-package-'));
  try {
    return await make(scratch);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** What all packages of one run have in common. */
export interface Packing {
  /** The staged package. */
  readonly staged: string;
  /** Folder of the files that are made. */
  readonly out: string;
  /** Hardly compressed: for tests. */
  readonly isQuick: boolean;
}

export function packForNpm({ staged, out }: Packing): string {
  const packed = runTool('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', out], staged);
  return join(out, packed.trim().split('\n').at(-1) ?? '');
}

export function packArchive({ staged, out, isQuick }: Packing, architecture: Architecture): Promise<string> {
  return inScratch(async (scratch) => {
    const name = `locum-${readManifest().version}-linux-${architecture}`;
    mkdirSync(join(scratch, name));
    await placeProgram(join(scratch, name), staged, architecture);
    const file = join(out, `${name}.tar.gz`);
    const owner = ['--owner=0', '--group=0', '--numeric-owner', '--mode=u+rw,go+r-w,a+X'];
    const order = ['--sort=name', `--mtime=@${sourceDate()}`];
    // -n: no time of its own in the head of the file.
    const press = `gzip -n -${isQuick ? 1 : 9}`;
    runTool('tar', ['-C', scratch, ...order, ...owner, '-I', press, '-cf', file, name]);
    return file;
  });
}
