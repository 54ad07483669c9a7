/** `locum snapshot restore`. */
import { readFileSync } from 'node:fs';
import { decodeSnapshot, restoreSnapshot } from '../../controller/snapshot.ts';

export async function restore(file: string, { store }: { readonly store: string }): Promise<void> {
  const restored = await restoreSnapshot(decodeSnapshot(readFileSync(file)), store);
  console.log(`Restored ${restored.records} records into ${store}, incarnation ${restored.incarnation}.`);
  console.log('The first leader adopts what runs, and starts nothing before all that ran earlier is dead for certain.');
}
