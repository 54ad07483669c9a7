/** `locum policy init`: a file to begin with, which says what there is to choose. */
import { CommandFailure } from '../exit-codes.ts';
import { printLine } from '../output/print.ts';

const HEAD = (
  kind: string,
  name: string,
): string => `# A policy that ${kind}. Change it, then: locum policy apply -f FILE
name: ${name}
`;

const WORKLOAD = `# What runs: a program with its arguments, with no shell in between, …
workload:
  command:
    argv: [/bin/sleep, "100000"]
# … or a script. Its "#!" line says what reads it; without one, /bin/sh.
#   script:
#     text: |
#       #!/usr/bin/env python3
#       print("hello")
#   env: { NAME: value }
#   env_from: { DB_PASSWORD: { file: db-password } }   # a secret of the server, in its /etc/locum/secrets
#   resources: { memory: 512Mi, cpu: 1.5, pids: 200 }   # held by the kernel; unset: no limit
#   working_directory: /srv/app    # unset: a fresh folder for each run
#   user: app                      # unset: the keeper's own
`;

const rest = (
  restart: string,
): string => `# Where it may run: all that a server must have (locum server capabilities), …
# requirements: ["os = linux", "dotnet >= 3.0"]
# … and a list of its own, best first. Unset: the order of the pool.
# servers: [web-1, web-2]
# list_mode: ONLY                  # PREFER: these first, then the others
# slots: 1
# priority: 50                     # 0 to 100: who gets a server first when there are too few
# What happens when its server loses the controllers: STOP (never two at once), HOLD (stays, and moves only with a proof),
# OVERLAP (never none).
# on_disconnect: STOP
# stop_timeout: 10s                # from SIGTERM to SIGKILL
# Whether it does its work: http, tcp (a port), or exec (argv). Unhealthy for missing_after: stopped, and placed again.
# health_check: { http: { port: 8080, path: /ready }, interval: 10s, timeout: 5s, grace: 30s, failures: 3 }
# How much is kept of what is over: runs, and the output of ended attempts on each server.
# retention: { ended_runs: 20, output_size: 64Mi, output_age: 168h }
${restart}# labels: { team: payments }
`;

const ALWAYS = `# restart: { attempts: 3, window: 10m, delay: 1s }   # so many failures on one server, then the next one
`;
const JOB = `# restart: { attempts: 3, max_failures: 1 }   # tried 3 times on a server, then on the next; but never again after the first failure
`;

const KINDS = {
  continuous: () => `${HEAD('runs all the time', 'my-service')}${WORKLOAD}${rest(ALWAYS)}`,
  schedule: () =>
    `${HEAD('runs by the clock', 'my-job')}trigger:
  schedule:
    cron: "0 2 * * *"              # minute hour day month weekday; six fields: seconds first
    time_zone: Europe/Berlin       # unset: UTC
    missed: ONCE                   # one run for all times that passed while nothing could fire; SKIP: none
    overlap: SKIP                  # when the run before has not ended: QUEUE one, or REPLACE it
# time_limit: 1h                   # one that takes longer is stopped, and has failed
${WORKLOAD}${rest(JOB)}`,
  'on-demand': () =>
    `${HEAD('runs when it is asked for (locum policy start my-task -- ARGUMENTS)', 'my-task')}trigger: { on_demand: {} }
# max_concurrent_runs: 1
${WORKLOAD}${rest(JOB)}`,
} as const;

export type Kind = keyof typeof KINDS;
export const POLICY_KINDS = Object.keys(KINDS);

const isKind = (word: string): word is Kind => Object.hasOwn(KINDS, word);

/** The file for a kind of policy. @throws CommandFailure for a kind that is none */
export function template(kind: string): string {
  if (!isKind(kind)) throw new CommandFailure(`"${kind}" is no kind of policy: ${POLICY_KINDS.join(', ')}`);
  return KINDS[kind]();
}

export function init(kind: string): void {
  printLine(template(kind).trimEnd());
}
