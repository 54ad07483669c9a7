/** A night on which everything goes wrong that usually does, made with real processes: what runs, and what then happens to it. */
import type { LocalCluster } from '../../cli/dev/local-cluster.ts';
import { Gate, Liveness, type Server } from '../../shared/gen/locum/v1/server_pb.ts';
import type { runLocum } from './locum-command.ts';

const steady = (id: string, more = ''): string =>
  `name: ${id}\n${more}stop_timeout: 1s\nworkload: { command: { argv: [sleep, "86400"] } }`;

const script = (id: string, text: string, more: string): string =>
  `name: ${id}\n${more}workload: { script: { text: "${text}" } }`;

/** In the evening all is well. */
export const EVENING = [
  ...['web', 'search', 'cart', 'billing', 'gateway'].map((id) => steady(id)),
  steady('shop', 'servers: [web-4]\nlist_mode: PREFER\n'),
  steady('ledger', 'servers: [web-4]\nlist_mode: PREFER\non_disconnect: HOLD\n'),
  steady('dongle', 'servers: [web-4]\n'),
  steady('chat', 'servers: [web-5]\nlist_mode: PREFER\n'),
  ...['batch-a', 'batch-b'].map((id) => steady(id, 'servers: [web-3]\n')),
  script(
    'import',
    'echo ERROR: no such column: price; exit 3',
    'trigger: { on_demand: {} }\nrestart: { max_failures: 1 }\n',
  ),
].join('\n---\n');

/** Then people deploy. */
const DEPLOYED = [
  // The limit of its server is reached.
  steady('batch-c', 'servers: [web-3]\n'),
  // It can't open its port, and ends.
  script(
    'proxy',
    'echo FATAL: port 443 is taken; exit 7',
    'servers: [web-1, web-2]\nrestart: { delay: 0s }\ntrigger: { continuous: {} }\n',
  ),
  // It never comes to its end, and its next times come.
  script('report', 'echo working; sleep 86400', 'trigger: { schedule: { cron: "* * * * * *" } }\n'),
  // Nobody has what it requires.
  steady('render', 'requirements: ["gpu >= 2"]\n'),
  // An edit of what runs: nobody has that either.
  steady('gateway', 'requirements: ["dotnet >= 9"]\n'),
  // A typing error in the path.
  'name: billing\nstop_timeout: 1s\nworkload: { command: { argv: [/opt/biling/bin/billingd, --port, "8080"] } }',
].join('\n---\n');

type Locum = (words: readonly string[], options?: { readonly input: string }) => ReturnType<typeof runLocum>;

export async function deploy(locum: Locum): Promise<void> {
  await locum(['server', 'limit', 'web-3', '2']);
  await locum(['policy', 'apply', '-f', '-'], { input: DEPLOYED });
  await locum(['policy', 'restart', 'billing']);
  await locum(['policy', 'start', 'import']);
}

type Until = (is: (server: Server) => boolean) => Promise<Server>;

/** Its agent stands still and goes on again, as on a host that swaps, until the controller has had enough of it. */
export async function flap(cluster: LocalCluster, server: string, until: Until): Promise<void> {
  for (;;) {
    cluster.agent(server)?.signal('SIGSTOP');
    await until(({ liveness }) => liveness === Liveness.MISSING);
    cluster.agent(server)?.signal('SIGCONT');
    const { gate } = await until(({ liveness }) => liveness === Liveness.ALIVE);
    if (gate === Gate.QUARANTINED) return;
  }
}

export interface Cause {
  /** Resource and reason, as the status has them; numbers of runs left out. */
  readonly told: string;
  /** What makes it plain in the sentence beside it. */
  readonly because: RegExp;
  /** What the command of the line shows, in words of which one tells where to mend it. */
  readonly shows: RegExp;
}

/** What was done to the cluster, one each, the worst first: what an operator has to find. */
export const CAUSES: readonly Cause[] = [
  { told: 'servers/web-4 SERVER_MISSING', because: /no heartbeat for \d+ s/, shows: /^liveness: +MISSING$/m },
  {
    told: 'servers/web-5 SERVER_QUARANTINED',
    because: /went missing 3 times/,
    shows: /^gate: +QUARANTINED since .*missing 3 times/m,
  },
  {
    told: 'runs/ledger HOLD',
    because: /web-4 is silent .* locum server confirm-dead web-4/,
    shows: /^because: +web-4 is silent/m,
  },
  {
    told: 'runs/render UNSATISFIABLE',
    because: /does not meet gpu >= 2 \(has no gpu\)/,
    shows: /web-1 +REQUIREMENT +does not meet gpu >= 2/,
  },
  { told: 'runs/dongle NO_ROOM', because: /web-4 is MISSING/, shows: /web-4 +MISSING/ },
  {
    told: 'runs/batch-c NO_ROOM',
    because: /web-3 is full \(2 of 2 slots used\)/,
    shows: /web-3 +FULL .*locum server limit web-3/,
  },
  {
    told: 'policies/billing RESTARTS_ENDLESSLY',
    because: /there is no "\/opt\/biling\/bin\/billingd"/,
    shows: /PROGRAM_NOT_FOUND/,
  },
  {
    told: 'policies/proxy RESTARTS_ENDLESSLY',
    because: /last on web-\d with exit code 7/,
    shows: /^FATAL: port 443 is taken$/m,
  },
  { told: 'policies/import LAST_RUN_FAILED', because: /with exit code 3/, shows: /^ERROR: no such column: price$/m },
  {
    told: 'policies/report TICKS_SKIPPED',
    because: /times? of its schedule w\w+ left out, since report-\d+ has not ended/,
    shows: /^state: +RUNNING$/m,
  },
  {
    told: 'runs/gateway CAPABILITY_LOST',
    because: /runs on web-1, which does not meet dotnet >= 9 .*, since gateway was changed/,
    shows: /web-1 +REQUIREMENT +does not meet dotnet >= 9/,
  },
];
