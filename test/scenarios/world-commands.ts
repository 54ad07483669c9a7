/** Commands about time, the store, the controller, and what is shown. */

import { policyId } from '../../shared/ids.ts';
import type { Command } from './agent-commands.ts';
import { showDeviations, showLoss, showRuns, showServers, showVerdicts } from './show.ts';
import type { Traced } from './stage.ts';
import { durationOf, listOf, oneOf } from './words.ts';

const WHAT = ['commits', 'checks'] as const;

export const worldCommands: Readonly<Record<string, Command>> = {
  /** Lets time pass. */
  advance: ({ world }, { plain }) => world.advanceTo(world.now.mono + durationOf(plain[1] ?? '')),
  /** The wall clock of the controller is so far ahead from now on; `0`: it is right. */
  clock: ({ world }, { plain }) => {
    world.time.wallErrorMs = durationOf(plain[1] ?? '');
  },
  /** What is asked of the store is answered only after `release`. */
  hold: ({ world }, { plain }) => {
    if (oneOf(plain[1] ?? '', WHAT) === 'commits') world.store.holdCommits();
    else world.store.holdChecks();
  },
  release: ({ world }, { plain }) => {
    if (oneOf(plain[1] ?? '', WHAT) === 'commits') world.store.releaseCommits();
    else world.store.releaseChecks();
  },
  /** The controller is gone; its streams end. */
  crash: ({ world }) => world.crash(),
  /** A controller is elected from what is durable. */
  elect: ({ world }, { plain, named }) =>
    world.elect({ incarnation: Number(named.get('incarnation') ?? 1), first: plain.includes('first') }),
  /** A snapshot of the store, and the store as it was then. */
  save: ({ world }) => world.store.save(),
  restore: ({ world }) => world.store.restore(),
  /** The controller itself stood still until now. */
  paused: ({ world }, { plain }) => world.post({ kind: 'paused', forMs: durationOf(plain[1] ?? '') }),
  trace: ({ traced }, { plain }) => {
    for (const what of plain.slice(1)) traced.add(oneOf<Traced>(what, ['grants', 'publish', 'commits', 'checks']));
  },
  untrace: ({ traced }) => traced.clear(),
  /** Commits and writes since the start. */
  written: (stage) => {
    const { commits, writes } = stage.world.store;
    stage.print(`${commits} commits, ${writes} writes`);
  },
  runs: (stage) => {
    for (const line of showRuns(stage.world.state, stage.world.now)) stage.print(line);
  },
  servers: (stage) => {
    for (const line of showServers(stage.world.state)) stage.print(line);
  },
  /** `explain POLICY`: for every server, why it would or would not get a run. */
  explain: (stage, { plain }) => {
    for (const line of showVerdicts(stage.world.state, policyId(plain[1] ?? ''), stage.world.now)) stage.print(line);
  },
  /** `lost SERVER[,SERVER]`: what their loss would do. */
  lost: (stage, { plain }) => {
    for (const line of showLoss(stage.world.state, listOf(plain[1] ?? ''), stage.world.now)) stage.print(line);
  },
  deviations: (stage) => {
    for (const line of showDeviations(stage.world.state, stage.world.now)) stage.print(line);
  },
};
