// Writes a key of etcd in one transaction with its fence: LOCUM_EPOCH=7 node etcd.mjs http://HOST:2379 KEY TEXT
// With etcdctl it is: value("fence/KEY") < "0000000000000008" in front of both puts of `etcdctl txn`.
const [endpoint, key, value] = process.argv.slice(2);
const epoch = Number(process.env.LOCUM_EPOCH);
if (!(Number.isSafeInteger(epoch) && epoch > 0)) throw new Error('LOCUM_EPOCH is no positive integer');

const bytes = (text) => Buffer.from(text).toString('base64');
// etcd compares bytes: numbers of one length sort like numbers.
const padded = (number) => bytes(String(number).padStart(16, '0'));
const fence = bytes(`fence/${key}`);
const put = (at, what) => ({ request_put: { key: at, value: what } });

async function transact(compare, success) {
  const response = await fetch(`${endpoint}/v3/kv/txn`, { method: 'POST', body: JSON.stringify({ compare, success }) });
  if (!response.ok) throw new Error(`etcd answered ${response.status}: ${await response.text()}`);
  return (await response.json()).succeeded === true;
}

// A comparison with a key that does not exist is never true.
await transact([{ key: fence, target: 'CREATE', result: 'EQUAL', create_revision: 0 }], [put(fence, padded(0))]);
const notAbove = { key: fence, target: 'VALUE', result: 'LESS', value: padded(epoch + 1) };
if (!(await transact([notAbove], [put(fence, padded(epoch)), put(bytes(key), bytes(value))]))) {
  console.error(`epoch ${epoch} is fenced off: a later attempt has written`);
  process.exit(1);
}
console.log(`${key} is written by epoch ${epoch}`);
