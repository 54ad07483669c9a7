/**
 * How long this machine takes, while a host is sick, to start what an agent is made of and nothing else. An agent that was killed and is
 * not back before its leases end has done wrong only where that floor leaves it the time: what is later than that tells of the machine.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { RESTART_MS } from './service.ts';

/** Beside its code an agent finds its keeper, dials and says Hello: at most as much again. */
const AGENT_FLOORS = 2;
const LIMIT_MS = 60_000;
const AGENT = pathToFileURL(join(import.meta.dirname, '../../../agent/agent.ts')).href;

/** Starts a Node that loads the agent's code and ends. Milliseconds; what takes longer than a minute counts as that. */
export async function measureStartFloor(): Promise<number> {
  const beganMs = performance.now();
  const code = `await import(${JSON.stringify(AGENT)}); process.exit(0);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: 'ignore', timeout: LIMIT_MS });
  await once(child, 'exit');
  return performance.now() - beganMs;
}

/** Why nothing can be said of an agent that was not back in time; undefined: the machine left it the time. */
export function tooSlowFor(floorMs: number, { toleratedMs }: { readonly toleratedMs: number }): string | undefined {
  const neededMs = RESTART_MS + AGENT_FLOORS * floorMs;
  if (neededMs <= toleratedMs) return undefined;
  const told = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;
  return `this machine took ${told(floorMs)} to load an agent that does nothing, so that one is back after ${told(neededMs)}; the leases allow ${told(toleratedMs)}`;
}
