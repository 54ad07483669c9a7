/** What to try next on a fresh cluster. */
import { DEFAULT_ADDRESS } from '../context/addresses.ts';
import { styled } from '../output/style.ts';
import type { LocalCluster } from './local-cluster.ts';
import { missingAfterMs, SHORT } from './scaled-timers.ts';

export interface AdviceOptions {
  readonly cluster: Pick<LocalCluster, 'address' | 'dataDir'>;
  readonly examples: boolean;
  readonly timers: 'default' | 'short';
}

export function advice({ cluster, examples, timers }: AdviceOptions): string {
  const locum = cluster.address === DEFAULT_ADDRESS ? 'npx locum' : `LOCUM_ADDRESS=${cluster.address} npx locum`;
  const port = cluster.address.split(':').at(-1);
  const missingSeconds = missingAfterMs(timers === 'short' ? SHORT : 1) / 1000;
  const tries: ReadonlyArray<readonly [command: string, why: string]> = [
    [`${locum} policy list`, 'what runs where, and why'],
    ...(examples
      ? [
          [`${locum} run logs file-drop-watcher -f`, 'output of a policy'] as const,
          [`date > ${cluster.dataDir}/shared/inbox/hello.txt`, 'give the file-drop watcher something to do'] as const,
          [`${locum} policy start nightly-backup --wait`, 'a scheduled policy, now'] as const,
          [`${locum} policy explain queue-consumer`, 'for every server, why it would or would not be chosen'] as const,
        ]
      : [[`${locum} policy apply -f FILE`, 'a policy of yours; the folder examples has some'] as const]),
    [`${locum} server make-primary server-2 --apply move-now`, 'another primary; what runs moves to it'],
    [`${locum} server drain server-2 --wait`, 'empty a server for maintenance'],
    [
      `${locum} dev kill server-1 --data ${cluster.dataDir}`,
      `its power fails; after ${missingSeconds} s server-2 takes over`,
    ],
    [`${locum} top`, 'watch it, again and again'],
    [`${locum} events --follow`, 'every decision with its reason'],
    [`grpcurl -plaintext localhost:${port} list`, 'the same API for every other client'],
  ];
  const width = Math.max(...tries.map(([command]) => command.length));
  const lines = tries.map(
    ([command, why]) => `  ${styled('strong', command)}${' '.repeat(width - command.length)}  ${styled('dim', why)}`,
  );
  return [
    'Try next, in another terminal:',
    ...lines,
    '',
    `A server that dies is MISSING after ${missingSeconds} s, and the next one in the list takes over.`,
    'Ctrl-C stops everything.',
  ].join('\n');
}
