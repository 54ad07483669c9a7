// Sends its epoch with each request to a service that refuses older ones: LOCUM_EPOCH=7 node http-header.mjs URL TEXT
const [url, text] = process.argv.slice(2);
const epoch = Number(process.env.LOCUM_EPOCH);
if (!(Number.isSafeInteger(epoch) && epoch > 0)) throw new Error('LOCUM_EPOCH is no positive integer');

const response = await fetch(url, { method: 'POST', headers: { 'x-locum-epoch': epoch }, body: text });
if (response.status === 409) {
  console.error(`epoch ${epoch} is fenced off: ${await response.text()}`);
  process.exit(1);
}
if (!response.ok) throw new Error(`the service answered ${response.status}`);
console.log(`done by epoch ${epoch}`);
