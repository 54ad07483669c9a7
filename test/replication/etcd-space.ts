/** An etcd that runs out of space, and gets some again, as an operator does it: by etcd's own JSON over HTTP. */
import { ask, base64 } from './etcd-json.ts';

const FILLER = 'filler/';
const PAST_FILLER = 'filler0';
const BIG = 'x'.repeat(512 * 1024);

/** Enough for what the tests write, and soon full. */
export const SMALL_QUOTA = ['--quota-backend-bytes', String(16 * 1024 * 1024)];

/** Writes until etcd takes nothing more. */
export async function fillUp(endpoint: string): Promise<void> {
  for (let i = 0; i < 100; i += 1) {
    try {
      await ask(endpoint, 'kv/put', { key: base64(`${FILLER}${i}`), value: base64(BIG) });
    } catch (error) {
      if (String(error).includes('database space exceeded')) return;
      throw error;
    }
  }
  throw new Error('etcd has more space than it should');
}

/** Deletes what filled it, compacts, defragments each member, and disarms the alarm. */
export async function makeRoom(endpoints: readonly string[]): Promise<void> {
  const [first = ''] = endpoints;
  const { header } = await ask(first, 'kv/deleterange', { key: base64(FILLER), range_end: base64(PAST_FILLER) });
  await ask(first, 'kv/compaction', { revision: header?.revision, physical: true });
  for (const endpoint of endpoints) await ask(endpoint, 'maintenance/defragment', {});
  const { alarms = [] } = await ask(first, 'maintenance/alarm', { action: 'GET' });
  for (const { memberID, alarm } of alarms) {
    await ask(first, 'maintenance/alarm', { action: 'DEACTIVATE', memberID, alarm });
  }
}
