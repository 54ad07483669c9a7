#!/usr/bin/env node
/**
 * Starts the `locum` command.
 *
 * Plain JavaScript on purpose: an old Node must get far enough to read the message below, and would stop at the first
 * line of TypeScript with an error that helps nobody.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import * as nodeModule from 'node:module';
import { isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * The oldest version we test with. Far older ones are unsafe: 24.18.1 fixed a use-after-free in HTTP/2
 * (CVE-2026-56848).
 */
const OLDEST = [24, 21, 0];

function isTooOld(version) {
  const parts = version.split('.').map((part) => Number.parseInt(part, 10));
  const difference = OLDEST.map((oldest, i) => parts[i] - oldest).find((d) => d !== 0);
  return difference !== undefined && difference < 0;
}

/**
 * The compiled code of a published package, or the TypeScript of a checkout. A checkout may have both; then its source
 * counts.
 */
function commandFile() {
  const candidates = ['../cli/main.ts', '../dist/cli/main.js'].map((path) => new URL(path, import.meta.url));
  return candidates.find((url) => existsSync(url));
}

/**
 * Stripping types and compiling is a third of the start-up time. The cache is the user's own, never a folder others can
 * write to.
 */
function enableCompileCache() {
  const { NODE_DISABLE_COMPILE_CACHE, NODE_COMPILE_CACHE, XDG_CACHE_HOME, HOME } = process.env;
  if (NODE_DISABLE_COMPILE_CACHE || NODE_COMPILE_CACHE) return;
  const cacheHome = XDG_CACHE_HOME || join(HOME || '', '.cache');
  // A service may have no home: then no cache, rather than one in whatever folder it was started in. Where the folder
  // cannot be made, the call answers "failed" and changes nothing else.
  if (isAbsolute(cacheHome)) {
    nodeModule.enableCompileCache({ directory: join(cacheHome, 'locum', 'compiled'), portable: true });
  }
}

/** The Node that `npm ci`, our archive or a package of Debian put below this package, or `npm install node` beside it. */
function ownNode() {
  const paths = ['../node_modules/node/bin/node', '../../node/bin/node'].map((path) =>
    fileURLToPath(new URL(path, import.meta.url)),
  );
  return paths.find((path) => existsSync(path) && path !== process.execPath);
}

/** Goes on in another Node, as if this one were not there. */
function goOnIn(node) {
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.once('exit', (code, signal) => {
    if (signal === null) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

if (isTooOld(process.versions.node) && ownNode() !== undefined) {
  goOnIn(ownNode());
} else if (isTooOld(process.versions.node)) {
  const needed = OLDEST.join('.');
  process.stderr.write(
    `locum needs Node ${needed} or newer; this is Node ${process.versions.node} (${process.execPath}).\n` +
      'In a checkout, run "npm ci": it installs one there, and this command uses it.\n' +
      `Beside an installed package, run "npm install node@${needed}": this command uses that, too.\n` +
      `Elsewhere, install Node ${needed} or newer and run the command again.\n`,
  );
  process.exitCode = 1;
} else {
  const file = commandFile();
  if (file === undefined) throw new Error('locum is not complete: neither cli/main.ts nor dist/cli/main.js is there');
  enableCompileCache();
  await import(file.href);
}
