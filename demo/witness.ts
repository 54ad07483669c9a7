/**
 * Policies that bear witness: each writes down, by itself and by the wall clock, when it starts and stops, and holds a lock of
 * the kernel while it lives. So what the demo shows does not rest on what Locum says of itself.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { type Policy, PolicySchema } from '../shared/gen/locum/v1/policy_pb.ts';

/** One line of a witness: `<wall ms> <what> <epoch> <pid>`. */
export interface Testimony {
  readonly run: string;
  readonly wallMs: number;
  readonly what: 'start' | 'stop' | 'done' | 'overlap';
  readonly epoch: bigint;
  readonly pid: number;
}

const SCRIPT = `set -u
log="$WITNESS_DIR/$LOCUM_RUN.log"
say() { echo "$(date +%s%3N) $1 $LOCUM_EPOCH $$" >> "$log"; }
say start
# A lock that the kernel frees when its holder dies: a second living process of the same run can't have it.
if command -v flock >/dev/null; then
  exec 9>"$WITNESS_DIR/$LOCUM_RUN.lock"
  flock -n 9 || say overlap
fi
trap 'say stop; exit 0' TERM
echo "$LOCUM_RUN works as epoch $LOCUM_EPOCH"
while [ ! -e "$WITNESS_DIR/$LOCUM_RUN.finish" ]; do
  sleep 0.05 9>&- & wait $!
done
say done
`;

export class Witness {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true });
  }

  /** A policy that does nothing but bear witness. Everything but its workload can be chosen. */
  policy(
    id: string,
    rest: Omit<MessageInitShape<typeof PolicySchema>, 'name' | 'workload' | '$typeName'> = {},
  ): Policy {
    return create(PolicySchema, {
      ...rest,
      name: `policies/${id}`,
      workload: {
        env: { WITNESS_DIR: this.#folder },
        kind: { case: 'script', value: { text: SCRIPT } },
      },
    });
  }

  /** Lets a run end by itself with exit code 0. */
  finish(run: string): void {
    writeFileSync(join(this.#folder, `${run}.finish`), '');
  }

  /** What the processes of a run wrote, oldest first. */
  of(run: string): Testimony[] {
    const file = join(this.#folder, `${run}.log`);
    if (!existsSync(file)) return [];
    const lines = readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line !== '');
    return lines.map((line) => parse(run, line));
  }

  all(): Testimony[] {
    const logs = readdirSync(this.#folder).filter((name) => name.endsWith('.log'));
    return logs.flatMap((name) => this.of(name.slice(0, -'.log'.length)));
  }
}

const WORDS = ['start', 'stop', 'done', 'overlap'] as const;

function parse(run: string, line: string): Testimony {
  const [wallMs, word, epoch, pid] = line.split(' ');
  const what = WORDS.find((known) => known === word);
  if (what === undefined || epoch === undefined) throw new Error(`a witness of ${run} wrote "${line}"`);
  return { run, wallMs: Number(wallMs), what, epoch: BigInt(epoch), pid: Number(pid) };
}
