/** `node scripts/etcd-tool.ts`: finds an etcd server for the tests, or makes one, and prints where it is and where it is from. */
import { provideEtcd } from '../cli/dev/etcd-binary.ts';

const { path, from } = provideEtcd();
console.log(`${path} (${from})`);
