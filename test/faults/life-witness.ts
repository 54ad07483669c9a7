/**
 * Policies that bear witness of their own life: each writes, by itself and by a clock that all of this machine share, when it starts,
 * that it lives, and when it stops, and holds a lock of the kernel meanwhile. What is computed from it rests on nothing Locum says.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { type Policy, PolicySchema } from '../../shared/gen/locum/v1/policy_pb.ts';

/** Resolution of the shared clock: it never goes back, and two times of one tick are equal. */
export const TICK_MS = 10;

/** The shared clock. */
export function uptimeMs(): number {
  return Math.round(Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 1_000);
}

/** `<uptime> <word> <epoch> <pid>`; a beat every tenth of a second. */
const SAY = `set -u
log="$WITNESS_DIR/$LOCUM_RUN.log"
say() { read -r now _ < /proc/uptime; echo "$now $1 $LOCUM_EPOCH $$" >> "$log"; }
`;

const LIVE = `${SAY}say start
exec 9>>"$WITNESS_DIR/$LOCUM_RUN.lock"
flock -n 9 || say overlap
trap 'say stop; exit 0' TERM
while :; do sleep 0.1 9>&- & wait $!; say beat; done
`;

/** Works for half a second and is done. */
export const SHORT_WORK = `${SAY}say start
sleep 0.5
say done
`;

/** Ignores SIGTERM. */
export const IGNORER = `${SAY}trap '' TERM
say start
while :; do sleep 0.1; say beat; done
`;

/** Leaves its session and its parents twice, forgets its environment, and goes on elsewhere with SIGTERM ignored. */
export const ESCAPEE = `${SAY}trap '' TERM
say start
( setsid env -i sh -c 'cd /
( while :; do sleep 0.1; read -r now _ < /proc/uptime; echo "$now beat $2 $$" >> "$1"; done ) & ' escapee "$log" "$LOCUM_EPOCH" & )
while :; do sleep 1; done
`;

/** 63 processes that ignore SIGTERM. */
export const FORK_BOMB = `${SAY}trap '' TERM
fork() { if [ "$1" -gt 0 ]; then fork $(( $1 - 1 )) & fork $(( $1 - 1 )) & fi; exec sleep 600; }
say start
fork 5
`;

const WORDS = ['start', 'beat', 'stop', 'done', 'overlap'] as const;

export interface Sign {
  readonly uptimeMs: number;
  readonly what: (typeof WORDS)[number];
  readonly epoch: bigint;
  readonly pid: number;
}

/** From the first to the last sign of one epoch: it lived at least that long. */
export interface Life {
  readonly epoch: bigint;
  readonly pid: number;
  readonly startMs: number;
  readonly lastSignMs: number;
  /** It said so itself: it was asked to stop, or it was done. */
  readonly saidStop: boolean;
}

export type PolicyRest = Omit<MessageInitShape<typeof PolicySchema>, 'name' | 'workload' | '$typeName'>;

export class LifeWitness {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true });
  }

  /** `interpreter`: default `/bin/sh`. */
  policy(id: string, rest: PolicyRest = {}, text = LIVE, interpreter: string[] = []): Policy {
    const script = { case: 'script', value: { text, interpreter } } as const;
    return create(PolicySchema, {
      ...rest,
      name: `policies/${id}`,
      workload: { env: { WITNESS_DIR: this.#folder }, kind: script },
    });
  }

  /** Oldest first. */
  signs(run: string): Sign[] {
    const file = join(this.#folder, `${run}.log`);
    if (!existsSync(file)) return [];
    // What follows the last line break is being written.
    return readFileSync(file, 'utf8').split('\n').slice(0, -1).map(parse);
  }

  /** In the order of their starts. */
  lives(run: string): Life[] {
    const byEpoch = Map.groupBy(this.signs(run), ({ epoch }) => epoch);
    return [...byEpoch].map(([epoch, signs]) => {
      const times = signs.map((sign) => sign.uptimeMs);
      return {
        epoch,
        pid: signs[0]?.pid ?? 0,
        startMs: Math.min(...times),
        lastSignMs: Math.max(...times),
        saidStop: signs.some(({ what }) => what === 'stop' || what === 'done'),
      };
    });
  }

  runs(): string[] {
    const logs = readdirSync(this.#folder).filter((name) => name.endsWith('.log'));
    return logs.map((name) => name.slice(0, -'.log'.length));
  }

  /** Two epochs of one run alive at once: by their times, or because the second found the lock taken. */
  overlaps(run: string): string[] {
    const lives = this.lives(run).toSorted((a, b) => a.startMs - b.startMs);
    const byTime = lives.flatMap((life, i) => {
      const older = lives.slice(0, i).filter(({ lastSignMs }) => lastSignMs > life.startMs);
      return older.map(
        (one) => `${run}: epoch ${life.epoch} began ${one.lastSignMs - life.startMs} ms before the end of ${one.epoch}`,
      );
    });
    const locked = this.signs(run).filter(({ what }) => what === 'overlap');
    return [...byTime, ...locked.map(({ epoch }) => `${run}: epoch ${epoch} found the lock taken`)];
  }
}

function parse(line: string): Sign {
  const [seconds, word, epoch = '0', pid] = line.split(' ');
  const what = WORDS.find((known) => known === word);
  if (what === undefined) throw new Error(`a witness wrote "${line}"`);
  return { uptimeMs: Math.round(Number(seconds) * 1_000), what, epoch: BigInt(epoch), pid: Number(pid) };
}
