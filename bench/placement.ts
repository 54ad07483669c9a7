/**
 * Placement decisions per second inside the core, and how the cost of one grows with the pool.
 * A plain scan of the servers in order runs beside it, in the same rounds. Prints; judges nothing.
 */
import { cpus, release } from 'node:os';
import { PlacementIndex } from '../controller/core/indexes/placement-index.ts';
import type { PlacementQuery, ServerFacts } from '../controller/core/indexes/placement-query.ts';
import {
  type CapabilityMap,
  capabilityMap,
  parseRequirement,
  type Requirement,
  satisfies,
} from '../controller/core/records/capability.ts';
import { type ServerId, serverId } from '../shared/ids.ts';
import type { Capability } from '../shared/protocol/capability.ts';

const ROUNDS = 7;
const SLOTS = 50;
const LINUX: readonly Capability[] = [
  { name: 'os', value: 'linux', source: 'FINGERPRINT' },
  { name: 'dotnet', value: '8.0.1', source: 'FINGERPRINT' },
];
const WINDOWS: readonly Capability[] = [{ name: 'os', value: 'windows', source: 'FINGERPRINT' }];

interface Row {
  readonly id: ServerId;
  readonly capabilities: readonly Capability[];
  readonly byName: CapabilityMap;
  freeSlots: number;
}

function requirement(text: string): Requirement {
  const result = parseRequirement(text);
  if (result.kind === 'error') throw new Error(result.detail);
  return result.requirement;
}

const LIST = { own: [], goesOn: true };
const ANY: PlacementQuery = { list: LIST, requirements: [], slots: 1, skip: [], exclude: [], claimed: [] };
const PICKY: PlacementQuery = { ...ANY, requirements: [requirement('os = linux'), requirement('dotnet >= 8.0')] };

/** Servers of which the first `full` have no room; every second one is Windows. */
function serversOf(size: number, full: number): Row[] {
  return Array.from({ length: size }, (_, rank) => {
    const capabilities = rank % 2 === 0 ? LINUX : WINDOWS;
    const freeSlots = rank < full ? 0 : SLOTS;
    return { id: serverId(`server-${rank}`), capabilities, byName: capabilityMap(capabilities), freeSlots };
  });
}

function facts(row: Row): ServerFacts {
  return { available: true, freeSlots: row.freeSlots, capabilities: row.capabilities };
}

function indexOf(rows: readonly Row[]): PlacementIndex {
  const index = new PlacementIndex();
  index.setOrder(rows.map(({ id }) => id));
  for (const row of rows) index.setServer(row.id, facts(row));
  return index;
}

function scan(rows: readonly Row[], query: PlacementQuery): ServerId | undefined {
  return rows.find((row) => {
    if (row.freeSlots < query.slots) return false;
    return query.requirements.every((one) => satisfies(one, row.byName));
  })?.id;
}

/** Nanoseconds per call. */
function timed(calls: number, work: () => void): number {
  const start = process.hrtime.bigint();
  for (let i = 0; i < calls; i++) work();
  return Number(process.hrtime.bigint() - start) / calls;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

/** Runs all cases in turn, round after round, so that a slow moment of the machine hits all alike. */
function interleaved<K extends string>(cases: Readonly<Record<K, () => number>>): ReadonlyMap<string, number> {
  const entries = Object.entries<() => number>(cases);
  for (const [, run] of entries) run();
  const results = new Map(entries.map(([name]) => [name, [] as number[]]));
  for (let round = 0; round < ROUNDS; round++) for (const [name, run] of entries) results.get(name)?.push(run());
  return new Map([...results].map(([name, values]) => [name, median(values)]));
}

function report(title: string, results: ReadonlyMap<string, number>): void {
  console.log(`\n${title}`);
  for (const [name, ns] of results) {
    const perSecond = Math.round(1e9 / ns).toLocaleString('en');
    console.log(`  ${name.padEnd(58)} ${ns.toFixed(0).padStart(8)} ns   ${perSecond.padStart(12)} /s`);
  }
}

/** Decides and takes a slot, from an empty pool of 10,000 servers on; every decision is followed by its update. */
function fillPool(query: PlacementQuery, calls: number): () => number {
  return () => {
    const rows = serversOf(10_000, 0);
    const byId = new Map(rows.map((row) => [row.id, row]));
    const index = indexOf(rows);
    index.choose(query);
    return timed(calls, () => {
      const row = byId.get(index.choose(query) ?? serverId('none'));
      if (row === undefined) throw new Error('the pool is full');
      row.freeSlots -= 1;
      index.setServer(row.id, facts(row));
    });
  };
}

function scanPool(query: PlacementQuery, calls: number): () => number {
  return () => {
    const rows = serversOf(10_000, 0);
    const byId = new Map(rows.map((row) => [row.id, row]));
    return timed(calls, () => {
      const row = byId.get(scan(rows, query) ?? serverId('none'));
      if (row === undefined) throw new Error('the pool is full');
      row.freeSlots -= 1;
    });
  };
}

/** Decides in a pool of which nine tenths in front are full. */
function behindFull(size: number, query: PlacementQuery, calls: number): () => number {
  const index = indexOf(serversOf(size, 0.9 * size));
  return () => timed(calls, () => index.choose(query));
}

function scanBehindFull(size: number, query: PlacementQuery, calls: number): () => number {
  const rows = serversOf(size, 0.9 * size);
  return () => timed(calls, () => scan(rows, query));
}

function growth(results: ReadonlyMap<string, number>, small: string, large: string): string {
  return ((results.get(large) ?? Number.NaN) / (results.get(small) ?? Number.NaN)).toFixed(2);
}

export function main(): void {
  console.log(`Linux ${release()} · ${cpus()[0]?.model ?? 'unknown CPU'} × ${cpus().length} · Node ${process.version}`);
  console.log(`medians of ${ROUNDS} interleaved rounds; fsync plays no part in the core`);
  const p9 = interleaved({
    'decide and take the slot, 10,000 servers': fillPool(ANY, 200_000),
    'the same with two requirements': fillPool(PICKY, 200_000),
    'naive scan': scanPool(ANY, 20_000),
    'naive scan with two requirements': scanPool(PICKY, 20_000),
  });
  report('placement decisions in the core (goal: 1,000,000 /s)', p9);
  const p10 = interleaved({
    'any server, 100 servers': behindFull(100, ANY, 200_000),
    'any server, 10,000 servers': behindFull(10_000, ANY, 200_000),
    'two requirements, 100 servers': behindFull(100, PICKY, 200_000),
    'two requirements, 10,000 servers': behindFull(10_000, PICKY, 200_000),
    'naive scan, 100 servers': scanBehindFull(100, ANY, 20_000),
    'naive scan, 10,000 servers': scanBehindFull(10_000, ANY, 200),
  });
  report('one decision, the first 90 % of the servers full', p10);
  const any = growth(p10, 'any server, 100 servers', 'any server, 10,000 servers');
  const picky = growth(p10, 'two requirements, 100 servers', 'two requirements, 10,000 servers');
  const naive = growth(p10, 'naive scan, 100 servers', 'naive scan, 10,000 servers');
  console.log(
    `  growth from 100 to 10,000 servers: ${any}, with requirements ${picky} (goal: 1.5); naive scan ${naive}`,
  );
}

if (import.meta.main) main();
