/** What the pages say, beside a command or in the text around it, about what it prints. Held against what it does print. */
import { expect } from 'vitest';

interface Said {
  readonly command: RegExp;
  /** Each is found in its standard output. */
  readonly shows: readonly RegExp[];
}

const SAID: readonly Said[] = [
  // "the order, who is alive, how full"
  {
    command: /server list$/,
    shows: [/^RANK +SERVER .*LIVENESS .*SLOTS/, /^ +1 +server-1 +PRIMARY +ALIVE .* \d+\/50 /m],
  },
  // "what runs where, and what waits for what"
  {
    command: /policy list$/,
    shows: [
      /^POLICY .*STATE +ON +WANTS +BECAUSE/,
      /^queue-consumer .*node >= 22\.13/m,
      /^nightly-backup .*next at \d/m,
    ],
  },
  { command: /run logs file-drop-watcher$/, shows: [/watching/i] },
  { command: /policy start nightly-backup --wait$/, shows: [/SUCCEEDED/] },
  // "for every server: why, or why not"
  {
    command: /policy explain /,
    shows: [/^RANK +SERVER +VERDICT +BECAUSE/, /^ +1 +server-1 +[A-Z]+ +\S/m, /^ +2 +server-2 +[A-Z]+ +\S/m],
  },
  { command: /server make-primary server-2 --apply move-now --dry-run$/, shows: [/server-2/, /server-1/] },
  // "every decision, with its reason"
  {
    command: /events --follow$/,
    shows: [
      /^TIME +TYPE +CAUSE +ACTOR +MESSAGE/,
      /RUN_ASSIGNED +START .* goes to server-1 as epoch \d+: first in the order/,
    ],
  },
  { command: /policy wait hello --for running$/, shows: [/^hello is running\.$/m] },
  { command: /run logs hello$/, shows: [/^hello from hello-\d+, epoch \d+$/m] },
  // "what is not where it should be, and why"
  {
    command: /locum status$/,
    shows: [
      /^leader: +\S/m,
      /^servers: +2, /m,
      /NOT AS IT SHOULD BE +REASON +FOR +ENDS IN +MORE +BECAUSE|Everything is where it should be\./,
    ],
  },
  // "all attempts of a run, and what proves each one's end"
  { command: /run show NAME$/, shows: [/^EPOCH|^ *EPOCH/m, /PROOF/] },
  { command: /server wait web-2 --for drained$/, shows: [/server-1/] },
  { command: /run wait nightly-backup --for succeeded$/, shows: [/nightly-backup-\d+ is SUCCEEDED/] },
  { command: /:7400\/metrics /, shows: [/^# TYPE locum_/m] },
  // "is it complete, and what is in it"
  { command: /snapshot inspect /, shows: [/complete/i, /polic/i] },
  // "who is there, and who leads"
  { command: /locum controllers$/, shows: [/LEAD/i] },
  { command: /--address 127\.0\.0\.1:7420 run list$/, shows: [/^RUN +STATE/] },
  { command: /audit list --method StartPolicy -o wide$/, shows: [/^TIME +ENTRY +KIND .*REQUEST +FROM/, /StartPolicy/] },
  { command: /audit export > /, shows: [/^\{"name":"audit\/changes\/1",/] },
  {
    command: /audit verify/,
    shows: [/^changes: \d+ entries, 1 to \d+, ends with [0-9a-f]{64}$/m, /up to their newest/],
  },
  { command: /locum fence check /, shows: [/^current: /m] },
  { command: /ServerService\/ListServers/, shows: [/"name":"servers\/server-1"/] },
  { command: /FenceService\/CheckFence/, shows: [/"verdict":"[A-Z_]+"/] },
  { command: /^npx buf curl /, shows: [/"leader":/] },
  { command: /^grpcurl .* list$/, shows: [/^locum\.v1\.PolicyService$/m, /^grpc\.health\.v1\.Health$/m] },
  { command: /^grpcurl .* describe locum\.v1\.PolicyService$/, shows: [/^locum\.v1\.PolicyService is a service:/] },
  { command: /^grpcurl .*ExplainPlacement$/, shows: [/"servers\/server-1"/] },
  { command: /policy apply -f examples --dry-run$/, shows: [/^queue-consumer would be \w+/m] },
  { command: /sql\.mjs .* 100$/, shows: [/balance is 100, written by epoch 7/] },
  { command: /sql\.mjs .* 50$/, shows: [/epoch 6 is fenced off: a later attempt has written/] },
];

/** Rows of the table that were held against something. */
export const compared = new Set<RegExp>();

export function expectSaid(command: string, output: string): void {
  for (const said of SAID) {
    if (!said.command.test(command)) continue;
    compared.add(said.command);
    for (const shown of said.shows) expect.soft(output, `what the page says that ${command} prints`).toMatch(shown);
  }
}

/** A row that nothing was held against is of a command that no page shows any more. */
export const notCompared = (): readonly string[] =>
  SAID.filter(({ command }) => !compared.has(command)).map(({ command }) => String(command));
