/** All that goes over the networks of a machine, from its first byte to its last, to look for words in it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { SystemdMachine } from './systemd-machine.ts';

const FILE = '/root/capture.bin';
const UNIT = 'capture.service';
const PORT = 9;
/** ETH_P_ALL: every frame of every interface. */
const PROGRAM = `import socket
frames = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.ntohs(3))
frames.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)
with open('${FILE}', 'wb', 0) as file:
    while True:
        file.write(frames.recv(65535))
`;

export class NetworkCapture {
  readonly #machine: SystemdMachine;

  private constructor(machine: SystemdMachine) {
    this.#machine = machine;
  }

  /** Needs python3 in it. `host` is whom it can say something to. */
  static async begin(machine: SystemdMachine, host?: string): Promise<NetworkCapture> {
    const run = `systemd-run --quiet --unit=${UNIT} python3 /root/capture.py`;
    machine.script(`cat >capture.py <<'END'\n${PROGRAM}END\n${run}`);
    const capture = new NetworkCapture(machine);
    for (let tries = 0; tries < 100; tries += 1) {
      machine.script(saying('it has begun', host));
      if (capture.has('it has begun')) return capture;
      await sleep(50);
    }
    throw new Error('the capture sees nothing');
  }

  async end(): Promise<void> {
    await sleep(500);
    this.#machine.run('systemctl', 'stop', UNIT);
  }

  has(word: string): boolean {
    return this.#machine.script(`grep -qaF '${word}' ${FILE} 2>/dev/null && echo yes || true`) !== '';
  }
}

/** A command that says something to a host, by default the controller's, in plain text. */
export const saying = (text: string, host = 'controller.example'): string =>
  `python3 -c "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'${text}', ('${host}', ${PORT}))"`;
