/**
 * Tells systemd how this program is (sd_notify(3)): READY, STATUS, RELOADING, STOPPING, and WATCHDOG while its event loop turns
 * (docs/adr/0035-watchdog.md). Without NOTIFY_SOCKET there is none of this, and it costs nothing.
 *
 * Node has no datagram sockets of files, so `systemd-notify` sends. One shell stays and starts it for each message: it has descriptors of
 * its own, is small to fork, and a line into its pipe waits for nothing here.
 */
import type { ChildProcessByStdio } from 'node:child_process';
import { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';

/** What a program says of itself when it is looked at. */
export interface ServiceState {
  /** For people: a line in `systemctl status`. */
  readonly words: string;
  /** It does what it is there for, or waits for something outside of it. False for a whole WatchdogSec: it is killed and started again. */
  readonly isWell: boolean;
}

/** Set by systemd for the program alone. */
const OWN_VARIABLES = ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID'] as const;

/** Looks of the watchdog in the time that systemd gives: some may come late or be lost. */
const LOOKS = 4;
/** A shell that ended, as for want of memory, is not started again sooner; then it is told all that stands. */
const LOOK_MS = 5_000;
/** A start that waits for something outside, such as its store, is not waited for longer: systemd would end it, and whoever starts it hang. */
const PATIENCE_MS = 30_000;
/** Messages that may wait for the shell; then it hangs, and what is said would be old. */
const UNSENT_MAX = 32;
const STATUS_CHARACTERS = 200;

/**
 * Signals of a whole control group are not for it: it ends with the end of its input, when all is said. $1: the main process. It answers each
 * line once that was sent, and ends when one was not; where there is no systemd-notify (127), nothing ever will be. An answer that nobody is
 * there to read any more ends nothing (PIPE): what was said last is still to be sent.
 */
const SHELL = `trap '' TERM INT HUP PIPE; set -f; IFS=$(printf '\\t')
while IFS= read -r line; do systemd-notify --pid="$1" $line || [ $? = 127 ] || exit; echo; done`;

export interface NotifierOptions {
  /** Taken out of it, so that no child of this process can speak in its name. Default: the environment of this process. */
  readonly env?: NodeJS.ProcessEnv;
  /** Default 30 s. */
  readonly patienceMs?: number;
  /** Between two looks at what there is to say, and two shells. Default 5 s. */
  readonly lookMs?: number;
}

/** Undefined: nobody wants to be told. */
export function openServiceNotifier({
  env = process.env,
  patienceMs = PATIENCE_MS,
  lookMs = LOOK_MS,
}: NotifierOptions = {}): ServiceNotifier | undefined {
  const [socket, watchdogUsec, watchdogPid] = OWN_VARIABLES.map((name) => env[name]);
  for (const name of OWN_VARIABLES) delete env[name];
  if (socket === undefined || !/^[/@]/.test(socket)) return undefined;
  // The parent: it was started by another Node and has handed over (bin/locum.js).
  const isWatched = [undefined, String(process.pid), String(process.ppid)].includes(watchdogPid);
  const watchdogMs = isWatched && /^[1-9]\d*$/.test(watchdogUsec ?? '') ? Number(watchdogUsec) / 1000 : undefined;
  return new ServiceNotifier({ socket, watchdogMs, patienceMs, lookMs, path: env['PATH'] });
}

type Standing = 'READY' | 'STATUS' | 'WATCHDOG_USEC';
type Shell = ChildProcessByStdio<Writable, Readable, null>;

interface Opened {
  readonly socket: string;
  /** Undefined: nobody watches. */
  readonly watchdogMs: number | undefined;
  readonly patienceMs: number;
  readonly lookMs: number;
  readonly path: string | undefined;
}

export class ServiceNotifier {
  readonly #options: Opened;
  #shell: Shell | undefined;
  /** Messages that the shell has not answered. */
  #unsent = 0;
  #startedMono = Number.NEGATIVE_INFINITY;
  #look: (() => ServiceState) | undefined;
  #looking: NodeJS.Timeout | undefined;
  #watching: NodeJS.Timeout | undefined;
  #patience: NodeJS.Timeout | undefined;
  #words = '';
  /** What holds until something else is said: a start that is never said to be over would be ended by systemd, with all that was begun since. */
  readonly #standing = new Map<Standing, string>();
  /** Some of it may not have been sent. */
  #isUnsaid = false;

  constructor(options: Opened) {
    this.#options = options;
  }

  /** Shows from now on what `look` says, and that the event loop turns. READY follows with `ready`, or when that has taken too long. */
  begin(look: () => ServiceState): void {
    const { watchdogMs, patienceMs, lookMs } = this.#options;
    this.#look = look;
    this.#show(look().words);
    this.#looking = setInterval(() => {
      this.#show(look().words);
      this.#sayAgain();
    }, lookMs).unref();
    this.#patience = setTimeout(() => this.ready(), patienceMs).unref();
    if (watchdogMs === undefined) return;
    const alive = (): void => {
      // One at a time: those that wait would go on saying that this turns when it does not any more.
      if (this.#unsent === 0 && look().isWell) this.#say('WATCHDOG=1');
    };
    alive();
    this.#watching = setInterval(alive, watchdogMs / LOOKS).unref();
  }

  /** It serves, or serves again after a reload. */
  ready(): void {
    clearTimeout(this.#patience);
    if (!this.#standing.has('READY')) this.#stands('READY', '1');
    if (this.#look !== undefined) this.#show(this.#look().words);
  }

  /** A read of the configuration begins; `ready` ends it. */
  reloading(): void {
    this.#standing.delete('READY');
    this.#say('RELOADING=1');
  }

  /** systemd waits as long as the unit says; the watchdog goes on. */
  stopping(words: string): void {
    clearInterval(this.#looking);
    clearTimeout(this.#patience);
    this.#say('STOPPING=1', `STATUS=${statusOf(words)}`);
  }

  /** No watchdog from now on: what this program is about to wait for looks like a hang. */
  unwatch(): void {
    if (this.#options.watchdogMs === undefined) return;
    clearInterval(this.#watching);
    this.#stands('WATCHDOG_USEC', '0');
  }

  /** Nothing is said any more. What was said still gets out. */
  close(): void {
    for (const timer of [this.#looking, this.#watching, this.#patience]) clearTimeout(timer);
    this.#shell?.stdin.end();
  }

  #show(words: string): void {
    if (words === this.#words) return;
    this.#words = words;
    this.#stands('STATUS', statusOf(words));
  }

  #stands(name: Standing, value: string): void {
    this.#standing.set(name, value);
    this.#say(`${name}=${value}`);
  }

  #sayAgain(): void {
    if (!this.#isUnsaid) return;
    this.#isUnsaid = false;
    this.#say(...Array.from(this.#standing, ([name, value]) => `${name}=${value}`));
  }

  #say(...assignments: readonly string[]): void {
    const shell = this.#shell ?? this.#start();
    if (shell === undefined || this.#unsent >= UNSENT_MAX) {
      this.#isUnsaid = true;
      return;
    }
    this.#unsent += 1;
    shell.stdin.write(`${assignments.join('\t')}\n`);
  }

  #start(): Shell | undefined {
    const mono = performance.now();
    if (mono - this.#startedMono < this.#options.lookMs) return undefined;
    this.#startedMono = mono;
    // Loaded here: where nobody wants to be told it is not needed.
    const { spawn } = process.getBuiltinModule('node:child_process');
    const { socket, path } = this.#options;
    const shell = spawn('sh', ['-c', SHELL, 'locum-notify', String(process.pid)], {
      stdio: ['pipe', 'pipe', 'ignore'],
      env: { NOTIFY_SOCKET: socket, ...(path === undefined ? {} : { PATH: path }) },
    });
    const gone = (): void => {
      if (this.#shell !== shell) return;
      this.#shell = undefined;
      this.#isUnsaid ||= this.#unsent > 0;
      this.#unsent = 0;
    };
    shell.on('error', gone).on('exit', gone);
    // Without descriptors there are no pipes either.
    if (shell.pid === undefined) return undefined;
    shell.stdout.on('data', (answers: Buffer) => {
      if (this.#shell === shell) this.#unsent -= answers.length;
    });
    shell.stdin.on('error', gone);
    keepsNothingRunning(shell);
    this.#shell = shell;
    return shell;
  }
}

/** Neither it nor its pipes keep this process from ending. */
function keepsNothingRunning(shell: Shell): void {
  shell.unref();
  for (const pipe of [shell.stdin, shell.stdout]) if (pipe instanceof Socket) pipe.unref();
}

/** One line, without the characters that part messages. */
const statusOf = (words: string): string => words.replaceAll(/[\p{Cc}\p{Cf}]+/gu, ' ').slice(0, STATUS_CHARACTERS);
