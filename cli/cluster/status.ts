/** `locum status`. */
import { createClient } from '@connectrpc/connect';
import {
  ClusterService,
  type Deviation,
  type GetStatusResponse,
  GetStatusResponseSchema,
} from '../../shared/gen/locum/v1/cluster_service_pb.ts';
import { withTransport } from '../client/session.ts';
import { type Globals, isForPeople } from '../globals.ts';
import { printAnswer } from '../output/print.ts';
import { type Column, cell, renderFacts, Table } from '../output/table.ts';
import { age, idOf, idsOf, moment, omittedText, until } from '../output/words.ts';
import { spareText } from './plan.ts';

export const deviationColumns: readonly Column<Deviation>[] = [
  { head: 'NOT AS IT SHOULD BE', cell: ({ resource }) => resource },
  { head: 'REASON', cell: ({ reason }) => cell(reason, 'warn') },
  { head: 'FOR', cell: ({ sinceTime }) => age(sinceTime) },
  { head: 'ENDS IN', cell: ({ etaTime }) => (etaTime === undefined ? '' : `about ${until(etaTime)}`) },
  { head: 'MORE', yields: true, cell: ({ command }) => command },
  { head: 'BECAUSE', cell: ({ message }) => message },
];

/** A single controller that nobody gave a name has a number of its own, which says nothing: where it is reached does. */
export function leaderText({ leader, leaderEndpoint }: GetStatusResponse): string {
  return [idOf(leader), leaderEndpoint === '' ? '' : `at ${leaderEndpoint}`].filter((part) => part !== '').join(' ');
}

function statusText(answer: GetStatusResponse, wide: boolean): string {
  const storms =
    answer.storms.length === 0
      ? ''
      : `${idsOf(answer.storms)}: takeovers are held back; "locum proceed" lets them go on`;
  const facts = renderFacts([
    ['leader', leaderText(answer)],
    ['leads since', `${moment(answer.leaderSinceTime)} (${age(answer.leaderSinceTime)})`],
    ['version', answer.version],
    ['store', storeWords(answer)],
    ['servers', `${answer.servers}, ${answer.availableServers} available, ${answer.sessions} connected`],
    ['policies', answer.policies],
    ['runs', `${answer.runs}, ${answer.runningRuns} running, ${answer.queuedRuns} queued`],
    ['queue', queueText(answer)],
    ['mass failure', cell(storms, 'bad')],
    ['cluster', wide ? answer.clusterId : ''],
    ['term', wide ? answer.term.toString() : ''],
    ['incarnation', wide ? answer.incarnation.toString() : ''],
  ]);
  const { deviations, omittedDeviations } = answer;
  const rest =
    deviations.length === 0
      ? 'Everything is where it should be.'
      : new Table(deviationColumns, { wide }).render(deviations);
  return [`${facts}\n\n${rest}`, ...omittedText(omittedDeviations, 'deviation')].join('\n');
}

/** `3 NO_ROOM (longest 4m), 1 BACKOFF (12s)`. */
export function queueText({ queue }: GetStatusResponse): string {
  return queue.map(({ reason, runs, oldestSinceTime }) => `${runs} ${reason} (${age(oldestSinceTime)})`).join(', ');
}

/** The kind, and what is wrong with it. */
export function storeWords({ store, storeStatus }: GetStatusResponse) {
  const { reason = '', message = '', waitingRecords = 0, waitingSinceTime } = storeStatus ?? {};
  if (reason === '') return store;
  const since =
    waitingSinceTime === undefined ? '' : `; ${waitingRecords} records wait, the oldest for ${age(waitingSinceTime)}`;
  return cell(`${store}, takes no writes (${reason}): ${message}${since}`, 'bad');
}

export async function status(globals: Globals): Promise<void> {
  await withTransport(globals, async (transport) => {
    const client = createClient(ClusterService, transport);
    const answer = await client.getStatus({});
    const people = isForPeople(globals);
    const spare = people && answer.runs > 0 ? spareText(await client.simulateFailure({})) : '';
    await printAnswer(globals, GetStatusResponseSchema, answer, {
      table: ({ wide }) => [statusText(answer, wide), spare].filter((text) => text !== '').join('\n\n'),
      names: () => answer.deviations.map(({ resource }) => resource),
    });
  });
}
