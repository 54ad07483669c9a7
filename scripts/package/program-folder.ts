/**
 * The program with its own Node, in one folder that needs nothing of its host but a C library: what an archive unpacks to, and what the
 * package of Debian puts into /usr/lib/locum.
 */
import { chmodSync, cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { manualPages } from './manual.ts';
import { type Architecture, placeNode } from './node-program.ts';
import { runTool } from './stage.ts';

/** Links to it are followed, so that it can be called as /usr/local/bin/locum. */
const LAUNCHER = `#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
exec "$here/../node_modules/node/bin/node" "$here/locum.js" "$@"
`;

/** Where each shell looks for completion, below a `share` folder. */
const COMPLETIONS: Readonly<Record<string, string>> = {
  bash: 'bash-completion/completions/locum',
  zsh: 'zsh/vendor-completions/_locum',
  fish: 'fish/vendor_completions.d/locum.fish',
};

export function writeText(file: string, text: string, mode = 0o644): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  chmodSync(file, mode);
}

/** `folder` is there and empty; `staged` holds the package. */
export async function placeProgram(folder: string, staged: string, architecture: Architecture): Promise<void> {
  cpSync(staged, folder, { recursive: true });
  placeNode(join(folder, 'node_modules/node/bin/node'), architecture);
  writeText(join(folder, 'bin/locum'), LAUNCHER, 0o755);
  await placeShare(folder, join(folder, 'share'));
}

/** Manual pages and completion. `program` holds a staged package. */
async function placeShare(program: string, share: string): Promise<void> {
  for (const [name, text] of await manualPages()) writeText(join(share, 'man/man1', name), text);
  for (const [shell, path] of Object.entries(COMPLETIONS)) {
    const script = runTool(process.execPath, [join(program, 'bin/locum.js'), 'completion', shell]);
    writeText(join(share, path), script);
  }
}
