/**
 * Policies that bear witness and cost nothing while they run: each writes down by itself when it starts and stops, and holds a lock
 * of the kernel while it lives, which a second living process of the same run can't have.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { type Policy, PolicySchema } from '../../shared/gen/locum/v1/policy_pb.ts';

export interface Testimony {
  readonly run: string;
  readonly wallMs: number;
  readonly what: string;
}

const SCRIPT = `set -u
say() { echo "$(date +%s%3N) $1" >> "$WITNESS_DIR/$LOCUM_RUN.log"; }
say start
exec 9>"$WITNESS_DIR/$LOCUM_RUN.lock"
flock -n 9 || say overlap
trap 'say stop; kill $!; exit 0' TERM
[ -n "\${WITNESS_BRIEF:-}" ] && exit 0
while :; do sleep 3600 9>&- & wait $!; done
`;

type Rest = Omit<MessageInitShape<typeof PolicySchema>, 'name' | 'workload' | '$typeName'>;

export class QuietWitness {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true });
  }

  /** Runs until it is stopped. */
  lasting(id: string, rest: Rest = {}): Policy {
    return this.#policy(id, {}, rest);
  }

  /** Says that it started, and ends. */
  brief(id: string, rest: Rest = {}): Policy {
    return this.#policy(id, { WITNESS_BRIEF: '1' }, rest);
  }

  of(run: string): Testimony[] {
    const file = join(this.#folder, `${run}.log`);
    if (!existsSync(file)) return [];
    const lines = readFileSync(file, 'utf8').split('\n');
    return lines
      .filter((line) => line !== '')
      .map((line) => {
        const [wallMs, what = ''] = line.split(' ');
        return { run, wallMs: Number(wallMs), what };
      });
  }

  all(): Testimony[] {
    const logs = readdirSync(this.#folder).filter((name) => name.endsWith('.log'));
    return logs.flatMap((name) => this.of(name.slice(0, -'.log'.length)));
  }

  #policy(id: string, env: Record<string, string>, rest: Rest): Policy {
    return create(PolicySchema, {
      ...rest,
      name: `policies/${id}`,
      workload: {
        env: { WITNESS_DIR: this.#folder, ...env },
        kind: { case: 'script', value: { text: SCRIPT } },
      },
    });
  }
}
