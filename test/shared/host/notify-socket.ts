/** The socket at which systemd listens, for tests: real datagrams, with who sent them, taken by Python since Node has no such sockets. */
import { type ChildProcess, spawn } from 'node:child_process';
import { onTestFinished } from 'vitest';

const RECEIVER = `
import socket, struct, sys
path = sys.argv[1]
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
s.bind('\\0' + path[1:] if path[0] == '@' else path)
print('-', flush=True)
while True:
    data, ancillary, _, _ = s.recvmsg(4096, socket.CMSG_SPACE(12))
    pids = [struct.unpack('iii', body)[0] for _, kind, body in ancillary if kind == socket.SCM_CREDENTIALS]
    print(pids[0], ' '.join(data.decode().split('\\n')), flush=True)
`;

export interface Datagram {
  /** Of the sender, as the kernel says. */
  readonly pid: number;
  /** Its assignments, parted by spaces. */
  readonly text: string;
}

export class NotifySocket {
  readonly received: Datagram[] = [];
  readonly #receiver: ChildProcess;

  private constructor(receiver: ChildProcess) {
    this.#receiver = receiver;
  }

  /** `path` may begin with `@`. Undefined: there is no Python. */
  static async open(path: string): Promise<NotifySocket | undefined> {
    const receiver = spawn('python3', ['-c', RECEIVER, path], { stdio: ['ignore', 'pipe', 'inherit'] });
    const socket = new NotifySocket(receiver);
    const opened = Promise.withResolvers<boolean>();
    let rest = '';
    receiver.stdout.setEncoding('utf8').on('data', (text: string) => {
      const lines = `${rest}${text}`.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        if (line === '-') opened.resolve(true);
        else socket.#take(line);
      }
    });
    receiver.on('error', () => opened.resolve(false)).on('exit', () => opened.resolve(false));
    onTestFinished(() => void receiver.kill('SIGKILL'));
    return (await opened.promise) ? socket : undefined;
  }

  /** How many datagrams had this in them. */
  count(text: string): number {
    return this.received.filter((datagram) => datagram.text.includes(text)).length;
  }

  close(): void {
    this.#receiver.kill('SIGKILL');
  }

  #take(line: string): void {
    const space = line.indexOf(' ');
    const text = line.slice(space + 1);
    // By which systemd-notify learns that what it said before has been read.
    if (text !== 'BARRIER=1') this.received.push({ pid: Number(line.slice(0, space)), text });
  }
}
