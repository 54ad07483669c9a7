/**
 * A file system in memory that can be as sick as a disk: `node fuse-server.ts MOUNTPOINT CONTROL-FILE`. It speaks FUSE with the kernel
 * directly, one request at a time, and answers them by what the control file says at that moment: nothing (healthy), the name of an
 * error, `SLOW` (each after a third of a second), or `STALL` (no answer until that changes). Unlike a remounted disk it can turn read-only under files that are open, and back.
 * Ends when it is unmounted.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { OPCODE, replyTo } from './fuse-replies.ts';
import { MemoryTree } from './memory-tree.ts';

const IN_HEADER_BYTES = 40;
const OUT_HEADER_BYTES = 16;
/** The kernel wants room for the largest write, and its header. */
const BUFFER_BYTES = 1024 * 1024;
const STALL_LOOK_MS = 20;
const SLOW_MS = 300;
const { EROFS } = constants.errno;

/** Of these the kernel takes no answer. */
const UNANSWERED = new Set<number>([OPCODE.forget, OPCODE.batchForget, OPCODE.interrupt]);
/** These must work, or the kernel can't let go of anything. */
const ALWAYS = new Set<number>([OPCODE.init, OPCODE.destroy, OPCODE.release, OPCODE.releaseDir]);
/** What a read-only file system refuses. */
const CHANGES = new Set<number>([
  ...[OPCODE.setAttributes, OPCODE.makeNode, OPCODE.makeFolder, OPCODE.unlink, OPCODE.removeFolder, OPCODE.symlink],
  ...[OPCODE.rename, OPCODE.rename2, OPCODE.link, OPCODE.write, OPCODE.create, OPCODE.allocate],
]);

const errorCode = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error ? String(error.code) : undefined;

function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** 0: healthy. */
function sickness(controlFile: string): number {
  for (;;) {
    const word = readFileSync(controlFile, 'utf8').trim();
    if (word === 'SLOW') pause(SLOW_MS);
    if (word !== 'STALL') return errnoOf(word);
    pause(STALL_LOOK_MS);
  }
}

const errnoOf = (word: string): number => new Map<string, number>(Object.entries(constants.errno)).get(word) ?? 0;

function mount(folder: string): number {
  const device = openSync('/dev/fuse', 'r+');
  const options = 'fd=3,rootmode=40755,user_id=0,group_id=0,allow_other';
  const { status, stderr } = spawnSync('mount', ['-i', '-t', 'fuse', '-o', options, 'locum-faults', folder], {
    stdio: ['ignore', 'ignore', 'pipe', device],
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`no FUSE mount: ${stderr}`);
  return device;
}

/** Undefined: unmounted. */
function nextRequest(device: number, buffer: Buffer): Buffer | undefined {
  for (;;) {
    try {
      return buffer.subarray(0, readSync(device, buffer));
    } catch (error) {
      const code = errorCode(error);
      if (code === 'ENODEV') return undefined;
      // ENOENT: the caller was killed before its request was read.
      if (code !== 'ENOENT' && code !== 'EINTR' && code !== 'EAGAIN') throw error;
    }
  }
}

function answer(device: number, unique: bigint, reply: Buffer | number): void {
  const body = typeof reply === 'number' ? Buffer.alloc(0) : reply;
  const message = Buffer.alloc(OUT_HEADER_BYTES + body.length);
  message.writeUInt32LE(message.length, 0);
  message.writeInt32LE(typeof reply === 'number' ? -reply : 0, 4);
  message.writeBigUInt64LE(unique, 8);
  body.copy(message, OUT_HEADER_BYTES);
  try {
    writeSync(device, message);
  } catch (error) {
    // The caller has gone meanwhile.
    if (errorCode(error) !== 'ENOENT') throw error;
  }
}

function serve(device: number, controlFile: string): void {
  const tree = new MemoryTree();
  const buffer = Buffer.alloc(BUFFER_BYTES);
  for (let request = nextRequest(device, buffer); request !== undefined; request = nextRequest(device, buffer)) {
    const opcode = request.readUInt32LE(4);
    if (UNANSWERED.has(opcode)) continue;
    const unique = request.readBigUInt64LE(8);
    const errno = ALWAYS.has(opcode) ? 0 : sickness(controlFile);
    const refused = errno !== 0 && (errno !== EROFS || CHANGES.has(opcode));
    const node = Number(request.readBigUInt64LE(16));
    answer(device, unique, refused ? errno : replyTo(tree, opcode, node, request.subarray(IN_HEADER_BYTES)));
  }
  closeSync(device);
}

const [mountPoint, controlFile] = process.argv.slice(2);
if (mountPoint === undefined || controlFile === undefined) throw new Error('usage: fuse-server.ts MOUNTPOINT CONTROL');
const device = mount(mountPoint);
console.log('mounted');
serve(device, controlFile);
