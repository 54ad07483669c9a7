/** `npm run bench -- NAME [arguments]`: runs one benchmark. They print figures and judge nothing. */

const benchmarks: Readonly<Record<string, () => Promise<unknown>>> = {
  /** CPU per heartbeat beside a bare grpc-js echo: `heartbeat [agents] [rounds]`. */
  heartbeat: () => import('./heartbeat.ts'),
  /** Resident memory of agent and keeper: `memory [runs]`. */
  memory: () => import('./memory.ts'),
  /** Placement decisions per second, and how their cost grows. */
  placement: () => import('./placement.ts'),
  /** Storms, the largest decisions and loads on a real etcd of three members: `store [agents] [runs]`. */
  store: () => import('./store.ts'),
};

const [name = ''] = process.argv.splice(2, 1);
const run = Object.hasOwn(benchmarks, name) ? benchmarks[name] : undefined;
if (run === undefined) {
  process.stderr.write(`Say which benchmark to run: npm run bench -- ${Object.keys(benchmarks).join(' | ')}\n`);
  process.exitCode = 1;
} else {
  await run();
}
