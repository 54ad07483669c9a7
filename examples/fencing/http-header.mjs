// Sends its epoch with each request to a service that refuses older ones: LOCUM_EPOCH=7 node http-header.mjs URL TEXT
const [url, text] = process.argv.slice(2);
const { LOCUM_EPOCH = '' } = process.env;

const response = await fetch(url, { method: 'POST', headers: { 'x-locum-epoch': LOCUM_EPOCH }, body: text });
if (response.status === 409) {
  console.error(`epoch ${LOCUM_EPOCH} is fenced off: ${await response.text()}`);
  process.exit(1);
}
if (!response.ok) throw new Error(`the service answered ${response.status}`);
console.log(`done by epoch ${LOCUM_EPOCH}`);
