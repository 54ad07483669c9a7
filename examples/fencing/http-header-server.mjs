// A service that takes nothing from an epoch below the highest it has seen: node http-header-server.mjs PORT FILE
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';

const [port = '0', file] = process.argv.slice(2);
// The fence must live as long as what it protects: a service that forgets it at a restart takes old epochs again.
let fence = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;

const server = createServer(async (request, response) => {
  const body = await text(request);
  const epoch = Number(request.headers['x-locum-epoch']);
  if (!Number.isSafeInteger(epoch) || epoch <= 0) return response.writeHead(400).end('x-locum-epoch is missing');
  if (epoch < fence) return response.writeHead(409).end(`epoch ${fence} was here`);
  if (epoch > fence) {
    writeFileSync(`${file}.new`, String(epoch), { flush: true });
    renameSync(`${file}.new`, file);
    fence = epoch;
  }
  // Here the service does what it is asked to do, before it hears of anybody else.
  console.log(`epoch ${epoch}: ${body}`);
  return response.writeHead(200).end(`did ${body.length} characters`);
});
server.listen(Number(port), '127.0.0.1', () => console.log(server.address().port));
