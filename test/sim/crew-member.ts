/** A thread of the crew: plays what it is handed, and answers with what came of it. */
import { parentPort } from 'node:worker_threads';
import { playTask, type Task } from './tally.ts';

parentPort?.on('message', (task: Task) => {
  void playTask(task).then((tally) => parentPort?.postMessage(tally));
});
