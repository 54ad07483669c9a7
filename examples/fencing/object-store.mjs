// Writes an object with If-Match, as S3 and its kin understand it: LOCUM_EPOCH=7 node object-store.mjs URL TEXT
// The object carries the highest epoch that has written it; the ETag makes read, comparison and write one.
const [url, text] = process.argv.slice(2);
const epoch = Number(process.env.LOCUM_EPOCH);
if (!(Number.isSafeInteger(epoch) && epoch > 0)) throw new Error('LOCUM_EPOCH is no positive integer');

for (;;) {
  const found = await fetch(url);
  // Only "not there" means that nobody has written yet.
  if (!found.ok && found.status !== 404) throw new Error(`the store answered ${found.status}`);
  const fence = found.ok ? (await found.json()).fence : 0;
  if (fence > epoch) {
    console.error(`epoch ${epoch} is fenced off: epoch ${fence} has written`);
    process.exit(1);
  }
  // Only if it is still the one that was read, or still not there.
  const condition = found.ok ? { 'if-match': found.headers.get('etag') } : { 'if-none-match': '*' };
  const body = JSON.stringify({ fence: epoch, text });
  const { ok, status } = await fetch(url, { method: 'PUT', headers: condition, body });
  if (ok) break;
  if (status !== 412) throw new Error(`the store answered ${status}`);
  // Somebody was quicker: look again, it may have been a later attempt.
}
console.log(`written by epoch ${epoch}`);
