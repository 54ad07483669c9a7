/** Starts as tests ask for them. */
import { create } from '@bufbuild/protobuf';
import { type Start, StartSchema } from '../../shared/gen/locum/keeper/v1/keeper_service_pb.ts';
import { OnDisconnect } from '../../shared/gen/locum/v1/policy_pb.ts';
import { readClocks } from '../../shared/host/clocks.ts';
import { toDuration } from '../../shared/rpc/time-messages.ts';

/** What a test says of a start; everything else has a default. */
export interface StartOptions {
  readonly run?: string;
  readonly epoch?: number;
  /** Default `job`. */
  readonly policy?: string;
  /** Shell code; or the program and its arguments. */
  readonly does: string | readonly string[];
  /** Default 10 s. */
  readonly deadlineMs?: number;
  /** G. Default 200 ms. */
  readonly stopTimeoutMs?: number;
  /** K. Default 5 s. */
  readonly killGuardMs?: number;
  readonly onDisconnect?: OnDisconnect;
  readonly env?: Record<string, string>;
  readonly baseEnv?: Record<string, string>;
  readonly workingDirectory?: string;
  readonly user?: string;
  readonly arguments?: string[];
  readonly resources?: { readonly memory?: string; readonly cpu?: number; readonly pids?: number };
  readonly outputRetention?: { readonly bytes?: bigint; readonly ageMs?: number };
  /** Interpreter of `does` as a script. */
  readonly interpreter?: string[];
}

export function deadlineIn(ms: number) {
  const { mono, boot } = readClocks();
  return { monotonicMs: mono + ms, bootMs: boot + ms };
}

const retentionOf = ({ bytes = 0n, ageMs }: NonNullable<StartOptions['outputRetention']>) => ({
  bytes,
  ...(ageMs === undefined ? {} : { age: toDuration(ageMs) }),
});

export function startRequest(run: string, options: StartOptions): Start {
  const { epoch = 1, does } = options;
  const argv = typeof does === 'string' ? ['/bin/sh', '-c', does] : [...does];
  return create(StartSchema, {
    run,
    policy: options.policy ?? 'job',
    epoch: BigInt(epoch),
    deadline: deadlineIn(options.deadlineMs ?? 10_000),
    baseEnv: options.baseEnv ?? {},
    command: {
      onDisconnect: options.onDisconnect ?? OnDisconnect.STOP,
      lease: toDuration(20_000),
      stopTimeout: toDuration(options.stopTimeoutMs ?? 200),
      killGuard: toDuration(options.killGuardMs ?? 5_000),
      slots: 1,
      ...(options.outputRetention === undefined ? {} : { outputRetention: retentionOf(options.outputRetention) }),
      arguments: options.arguments ?? [],
      workload: {
        kind:
          options.interpreter === undefined
            ? { case: 'command', value: { argv } }
            : { case: 'script', value: { interpreter: options.interpreter, text: String(does) } },
        env: options.env ?? {},
        workingDirectory: options.workingDirectory ?? '',
        user: options.user ?? '',
        ...(options.resources === undefined ? {} : { resources: options.resources }),
      },
    },
  });
}
