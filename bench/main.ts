/** `npm run bench -- [NAME [arguments]]`: runs one benchmark, or all one after the other. They print figures and judge nothing. */

interface Benchmark {
  /** What it measures, and its arguments. */
  readonly usage: string;
  readonly run: () => Promise<unknown>;
}

const benchmarks: Readonly<Record<string, Benchmark>> = {
  placement: {
    usage: 'placement decisions per second, and how their cost grows with the servers (about a minute)',
    run: async () => (await import('./placement.ts')).main(),
  },
  heartbeat: {
    usage:
      'heartbeat [agents] [rounds]: CPU per heartbeat, plain and with TLS, beside a bare grpc-js echo (1000 agents, 7 rounds: about 4 minutes)',
    run: () => import('./heartbeat.ts'),
  },
  store: {
    usage: 'store [agents] [runs]: storms, the largest decisions and loads on a real etcd of three members',
    run: () => import('./store.ts'),
  },
  'largest-bodies': {
    usage:
      'largest-bodies: what the largest legal and illegal body of each method costs everybody else (about a minute)',
    run: () => import('./largest-bodies.ts'),
  },
  scale: {
    usage:
      'scale [policies] [servers] [rounds]: every list, status and plan, and deleting 500 policies (5000, 200, 5: about 2 minutes)',
    run: () => import('./scale.ts'),
  },
  renewal: {
    usage:
      'renewal [agents] [seconds]: agents that all renew their certificates within that time, and what it costs their leases (1000 in 60 s: about 2 minutes)',
    run: () => import('./renewal.ts'),
  },
  attack: {
    usage:
      'attack [seconds] [kind]: calls and heartbeats of others before and under each kind of attack, beside bare Node (5 s: about 10 minutes)',
    run: () => import('./attack.ts'),
  },
  memory: {
    usage:
      'memory [runs] [agents]: resident memory of agent and keeper, and of a controller per idle agent (10 runs, 1000 agents: about 4 minutes)',
    run: () => import('./memory.ts'),
  },
};

const USAGE = [
  'npm run bench -- [NAME [arguments]]: without a name, all of them',
  ...Object.entries(benchmarks).map(([name, { usage }]) => `  ${name.padEnd(10)} ${usage}`),
].join('\n');

const [name] = process.argv.splice(2, 1);
if (name === '--help' || name === '-h') {
  console.log(USAGE);
} else if (name === undefined) {
  for (const { run } of Object.values(benchmarks)) await run();
} else if (Object.hasOwn(benchmarks, name)) {
  await benchmarks[name]?.run();
} else {
  console.error(`There is no benchmark "${name}".\n${USAGE}`);
  process.exitCode = 1;
}
