/** Seeds side by side: tasks handed out to a few threads, each with a simulator of its own. */
import { Worker } from 'node:worker_threads';
import { playTask, type Tally, type Task } from './tally.ts';

export interface CrewOptions {
  readonly tasks: readonly Task[];
  /** Threads. 1: no thread at all, everything happens here. */
  readonly jobs: number;
  /** Called as tallies come in, in any order. False: enough, no further task is begun. */
  readonly onTally: (tally: Tally) => boolean;
}

/** Ends when every task that was begun is played. */
export async function playAll({ tasks, jobs, onTally }: CrewOptions): Promise<void> {
  const left = [...tasks];
  const work = async (play: (task: Task) => Promise<Tally>): Promise<void> => {
    for (let task = left.shift(); task !== undefined; task = left.shift()) {
      if (!onTally(await play(task))) left.length = 0;
    }
  };
  if (jobs <= 1) await work(playTask);
  else await Promise.all(Array.from({ length: Math.min(jobs, tasks.length) }, () => withThread(work)));
}

async function withThread(work: (play: (task: Task) => Promise<Tally>) => Promise<void>): Promise<void> {
  const thread = new Worker(new URL('./crew-member.ts', import.meta.url), { execArgv: [] });
  try {
    await work((task) => ask(thread, task));
  } finally {
    await thread.terminate();
  }
}

function ask(thread: Worker, task: Task): Promise<Tally> {
  return new Promise((resolve, reject) => {
    thread.once('message', (tally: Tally) => {
      thread.off('error', reject);
      resolve(tally);
    });
    thread.once('error', reject);
    thread.postMessage(task);
  });
}
