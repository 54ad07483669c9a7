/** What etcd itself counts. */

/** Keys put and deleted, by the metrics of one member: each member applies all of them. */
export async function etcdWrites(endpoint: string): Promise<number> {
  const response = await fetch(`http://${endpoint}/metrics`);
  const text = await response.text();
  const counters = ['etcd_mvcc_put_total', 'etcd_mvcc_delete_total'];
  return counters.map((name) => counterIn(text, name)).reduce((a, b) => a + b, 0);
}

function counterIn(text: string, name: string): number {
  const line = text.split('\n').find((one) => one.startsWith(`${name} `));
  if (line === undefined) throw new Error(`etcd has no metric ${name}`);
  return Number(line.slice(name.length + 1));
}
