/** A child process of the etcd tests: `node etcd-leader.ts ENDPOINT...` leads, prints its term, and stays until it is killed. */
import { openEtcdStore } from '../../controller/store/etcd/etcd-store.ts';

const store = await openEtcdStore({ endpoints: process.argv.slice(2), prefix: 'locum' }, { electionTtlMs: 2_000 });
const { term, lost } = await store.campaign(`pid ${process.pid}`, new AbortController().signal);
console.log(term);
lost.addEventListener('abort', () => process.exit(1));
// The renewals of the lease alone do not keep a process up.
setInterval(() => {}, 60_000);
