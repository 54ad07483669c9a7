/**
 * Agents that all renew their certificates within a minute, by the call that real agents make, while they send heartbeats:
 * `npm run bench -- renewal [agents] [seconds]`. Each has a connection and a stream with a session, a folder with its certificate, and dials anew to
 * renew. When a real one would ask is decided in its core (`test/agent/core/renewal-crowd.test.ts`); here all of an hour or more come within
 * a minute, and who is told another turn waits for it. Prints what came of it, streams and leases that were lost, and how long others waited.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { USED_TOKEN } from '../agent/enrolment/joined-file.ts';
import { renewCertificate } from '../agent/enrolment/renewal.ts';
import { writeCertificateFolder } from '../shared/pki/certificate-folder.ts';
import { MeasuredServer } from './measured-server.ts';

/** That of production. */
const HEARTBEAT_MS = 5_000;
/** A real one waits longer after a failure that is not told its turn. */
const AGAIN_MS = 1_000;
const TRIES = 100;

interface Renewed {
  /** Turns it was told to wait for. */
  readonly told: number;
  /** Other failures, by what was said. */
  readonly failures: readonly string[];
  readonly isRenewed: boolean;
}

async function renew(server: MeasuredServer, name: string, base: string): Promise<Renewed> {
  const folder = join(base, name);
  const tls = await server.joined(name);
  const lane = { run: <T>(work: () => Promise<T>): Promise<T> => work() };
  await writeCertificateFolder(folder, tls.identity.material);
  writeFileSync(join(folder, USED_TOKEN), 'bench');
  let told = 0;
  const failures: string[] = [];
  for (let i = 0; i < TRIES; i += 1) {
    const outcome = await renewCertificate(server.agentAddress, { folder, tls, lane });
    if (outcome.kind === 'RENEWED') return { told, failures, isRenewed: true };
    const wait = outcome.kind === 'REFUSED' ? outcome.retryAfterMs : undefined;
    if (wait === undefined) failures.push('detail' in outcome ? outcome.detail : outcome.kind);
    else told += 1;
    await sleep(wait ?? AGAIN_MS);
  }
  return { told, failures, isRenewed: false };
}

const [agents = 1_000, seconds = 60] = process.argv.slice(2).map(Number);
const base = mkdtempSync(join(tmpdir(), 'locum-bench-renewal-'));
const server = await MeasuredServer.start('controller-tls');
try {
  const { swarm } = server;
  await swarm.join(agents);
  swarm.beat(HEARTBEAT_MS);
  await sleep(HEARTBEAT_MS);
  swarm.takeFigures();
  console.log(
    `${agents} agents with a heartbeat every ${HEARTBEAT_MS / 1_000} s renew within ${seconds} s, load ${loadavg()[0]?.toFixed(1)}`,
  );
  const [cpuBefore, beganMono] = [await server.cpuMicros(), performance.now()];
  const all = await Promise.all(
    Array.from({ length: agents }, async (_, i) => {
      await sleep((i * seconds * 1_000) / agents);
      return renew(server, `bench-${i + 1}`, base);
    }),
  );
  const tookS = (performance.now() - beganMono) / 1_000;
  await sleep(HEARTBEAT_MS);
  const { answers, roundTripsMs } = swarm.takeFigures();
  const cpuMs = ((await server.cpuMicros()) - cpuBefore) / 1_000;
  const [missing, suspect] = [
    await server.metric('locum_servers{liveness="MISSING"}'),
    await server.metric('locum_servers{liveness="SUSPECT"}'),
  ];
  const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);
  const failures = all.flatMap((one) => one.failures);
  const renewed = all.filter(({ isRenewed }) => isRenewed).length;
  console.log(
    `renewed: ${renewed} in ${tookS.toFixed(0)} s, told another turn ${sum(all.map(({ told }) => told))} times, failed ${failures.length} times ${[...new Set(failures)].slice(0, 3).join('; ')}`,
  );
  const at = (share: number): string =>
    (roundTripsMs[Math.floor(roundTripsMs.length * share)] ?? Number.NaN).toFixed(0);
  console.log(
    `streams lost: ${swarm.lost}, servers missing: ${missing}, suspect: ${suspect}, heartbeats granted: ${answers}, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, longest ${roundTripsMs.at(-1)?.toFixed(0)} ms`,
  );
  console.log(`CPU of the controller: ${(cpuMs / renewed).toFixed(1)} ms for each renewal, its heartbeats included`);
} finally {
  await server.close();
  rmSync(base, { recursive: true, force: true });
}
