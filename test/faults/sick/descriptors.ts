/** Descriptors of processes that run, taken away and given back. */
import { readdirSync } from 'node:fs';
import { command } from './command.ts';
import type { SickHost } from './sick-host.ts';

const USUAL_DESCRIPTORS = 4_096;

/** No number is left: the next descriptor would have the first free one. */
export async function exhaustDescriptors(pids: readonly (number | undefined)[]): Promise<void> {
  for (const pid of pids) {
    if (pid === undefined) continue;
    const used = new Set(readdirSync(`/proc/${pid}/fd`).map(Number));
    let free = 0;
    while (used.has(free)) free += 1;
    await command('prlimit', `--pid=${pid}`, `--nofile=${free}:`);
  }
}

/** Those that have ended meanwhile had them freed. */
export async function freeDescriptors(host: SickHost): Promise<void> {
  for (const pid of [host.agentPid, ...host.keeperPids()]) {
    if (pid !== undefined) await command('prlimit', `--pid=${pid}`, `--nofile=${USUAL_DESCRIPTORS}:`).catch(() => '');
  }
}
