/** `locum dev kill`: a host of a local cluster loses its power. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { count } from '../../shared/count.ts';
import { CommandFailure, EXIT } from '../exit-codes.ts';
import { printLine } from '../output/print.ts';
import { clearProcesses, killProcess, processesOf } from './host-processes.ts';

export async function killServer(server: string, data: string | undefined): Promise<void> {
  if (data === undefined) throw new CommandFailure('name the folder that "npm start" said it works in: --data FOLDER');
  const folder = resolve(data);
  const host = join(folder, server);
  if (!existsSync(host)) throw new CommandFailure(`there is no server ${server} in ${folder}`, EXIT.notFound);
  const isOfHost = ({ command }: { readonly command: string }): boolean => command.split(' ').includes(host);
  // Agent and keeper name their folder, and so does what the keeper started, if only by where it works.
  const doomed = [...processesOf(folder).filter(isOfHost), ...processesOf(host)];
  for (const { pid } of doomed) killProcess(pid);
  // What forked while the list was read.
  await clearProcesses(host, { waitMs: 0 });
  if (doomed.length === 0) throw new CommandFailure(`nothing of ${server} runs any more`, EXIT.conflict);
  printLine(
    `${server} is dead: ${count(doomed.length, 'process', 'processes')} killed with SIGKILL. Watch what follows: locum events --follow`,
  );
}
