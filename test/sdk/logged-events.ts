/** What the event log has, to compare with what a follower saw. */
import type { Client } from '@connectrpc/connect';
import { eachItem } from '../../sdk/typescript/pages.ts';
import type { EventService } from '../../shared/gen/locum/v1/event_service_pb.ts';

/** Names of the events about a resource after a number, oldest first. */
export async function eventsAbout(
  events: Client<typeof EventService>,
  about: string,
  after: bigint,
): Promise<readonly string[]> {
  const names: string[] = [];
  const read = (pageToken: string) => events.listEvents({ about, pageToken, pageSize: 200 });
  for await (const { name } of eachItem(read, (page) => page.events)) names.push(name);
  return names.toReversed().filter((name) => BigInt(name.slice('events/'.length)) > after);
}
