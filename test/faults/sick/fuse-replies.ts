/** What is answered to the requests of the kernel's FUSE, version 7.31: layouts as in `linux/fuse.h`. A number is an error. */
import { constants } from 'node:os';
import { FOLDER, type MemoryTree, type Node, TYPE_MASK } from './memory-tree.ts';

export const OPCODE = {
  ...{ lookup: 1, forget: 2, getAttributes: 3, setAttributes: 4, readLink: 5, symlink: 6, makeNode: 8, makeFolder: 9 },
  ...{ unlink: 10, removeFolder: 11, rename: 12, link: 13, open: 14, read: 15, write: 16, statfs: 17, release: 18 },
  ...{ fsync: 20, flush: 25, init: 26, openDir: 27, readDir: 28, releaseDir: 29, fsyncDir: 30, access: 34, create: 35 },
  ...{ interrupt: 36, destroy: 38, batchForget: 42, allocate: 43, rename2: 45 },
} as const;

const { ENOENT, ENOSYS, EEXIST, ENOTEMPTY } = constants.errno;
const NOTHING = Buffer.alloc(0);
const MAX_WRITE_BYTES = 128 * 1024;
/** The kernel asks once, as with the directories of a disk. */
const VALID_S = 3_600n;
const REGULAR = 0o100000;
const SYMLINK = 0o120000;
const BLOCK = 4_096;
const FREE_BLOCKS = 16_384n;
const SET_MODE = 1;
const SET_UID = 2;
const SET_GID = 4;
const SET_SIZE = 8;

export function replyTo(tree: MemoryTree, opcode: number, id: number, body: Buffer): Buffer | number {
  if (opcode === OPCODE.init) return initReply(body);
  if (opcode === OPCODE.statfs) return statfsReply(tree);
  const node = tree.node(id);
  if (node === undefined) return ENOENT;
  return onNames(tree, opcode, node, body) ?? onFiles(tree, opcode, node, body) ?? onOther(opcode);
}

function onOther(opcode: number): Buffer | number {
  switch (opcode) {
    case OPCODE.release:
    case OPCODE.releaseDir:
    case OPCODE.fsync:
    case OPCODE.fsyncDir:
    case OPCODE.access:
    case OPCODE.destroy:
      return NOTHING;
    default:
      // Also for what a close would wait for: the kernel then never asks again, and a file is closed as on a local disk.
      return ENOSYS;
  }
}

function onNames(tree: MemoryTree, opcode: number, folder: Node, body: Buffer): Buffer | number | undefined {
  const add = (at: number, mode: number): Node | number => {
    const name = textAt(body, at);
    return tree.child(folder.id, name) === undefined ? tree.add(folder.id, name, mode) : EEXIST;
  };
  switch (opcode) {
    case OPCODE.lookup:
      return entryOr(tree.child(folder.id, textAt(body, 0)) ?? ENOENT);
    case OPCODE.makeNode:
      return entryOr(add(16, body.readUInt32LE(0)));
    case OPCODE.makeFolder:
      return entryOr(add(8, FOLDER | body.readUInt32LE(0)));
    case OPCODE.symlink: {
      const made = add(0, SYMLINK | 0o777);
      if (typeof made !== 'number') tree.write(made, 0, Buffer.from(textAt(body, textAt(body, 0).length + 1)));
      return entryOr(made);
    }
    case OPCODE.create: {
      const made = add(16, REGULAR | body.readUInt32LE(4));
      return typeof made === 'number' ? made : Buffer.concat([entry(made), opened(made)]);
    }
    case OPCODE.link: {
      const node = tree.node(Number(body.readBigUInt64LE(0)));
      if (node !== undefined) tree.link(folder.id, textAt(body, 8), node);
      return entryOr(node ?? ENOENT);
    }
    case OPCODE.unlink:
    case OPCODE.removeFolder: {
      const name = textAt(body, 0);
      if ((tree.child(folder.id, name)?.entries.size ?? 0) > 0) return ENOTEMPTY;
      tree.remove(folder.id, name);
      return NOTHING;
    }
    case OPCODE.rename:
    case OPCODE.rename2: {
      const at = opcode === OPCODE.rename ? 8 : 16;
      const name = textAt(body, at);
      const to = { folder: Number(body.readBigUInt64LE(0)), name: textAt(body, at + Buffer.byteLength(name) + 1) };
      tree.move({ folder: folder.id, name }, to);
      return NOTHING;
    }
    default:
      return undefined;
  }
}

function onFiles(tree: MemoryTree, opcode: number, node: Node, body: Buffer): Buffer | number | undefined {
  switch (opcode) {
    case OPCODE.getAttributes:
      return attributes(node);
    case OPCODE.setAttributes:
      setAttributes(tree, node, body);
      return attributes(node);
    case OPCODE.open:
    case OPCODE.openDir:
      return opened(node);
    case OPCODE.readLink:
      return node.content.subarray(0, node.size);
    case OPCODE.read: {
      const offset = Number(body.readBigUInt64LE(8));
      return node.content.subarray(offset, Math.min(node.size, offset + body.readUInt32LE(16)));
    }
    case OPCODE.write: {
      const size = body.readUInt32LE(16);
      tree.write(node, Number(body.readBigUInt64LE(8)), body.subarray(40, 40 + size));
      return writeReply(size);
    }
    case OPCODE.readDir:
      return listing(tree, node, Number(body.readBigUInt64LE(8)), body.readUInt32LE(16));
    default:
      return undefined;
  }
}

function textAt(body: Buffer, at: number): string {
  return body.toString('utf8', at, body.indexOf(0, at));
}

function setAttributes(tree: MemoryTree, node: Node, body: Buffer): void {
  const valid = body.readUInt32LE(0);
  if (valid & SET_SIZE) tree.resize(node, Number(body.readBigUInt64LE(16)));
  if (valid & SET_MODE) node.mode = (node.mode & TYPE_MASK) | (body.readUInt32LE(68) & ~TYPE_MASK);
  if (valid & SET_UID) node.uid = body.readUInt32LE(76);
  if (valid & SET_GID) node.gid = body.readUInt32LE(80);
}

function initReply(body: Buffer): Buffer {
  const reply = Buffer.alloc(64);
  reply.writeUInt32LE(7, 0);
  reply.writeUInt32LE(31, 4);
  reply.writeUInt32LE(body.readUInt32LE(8), 8);
  reply.writeUInt16LE(16, 16);
  reply.writeUInt16LE(12, 18);
  reply.writeUInt32LE(MAX_WRITE_BYTES, 20);
  reply.writeUInt32LE(1, 24);
  return reply;
}

function statfsReply(tree: MemoryTree): Buffer {
  const reply = Buffer.alloc(80);
  for (const at of [0, 8, 16]) reply.writeBigUInt64LE(FREE_BLOCKS, at);
  reply.writeBigUInt64LE(BigInt(tree.count) + FREE_BLOCKS, 24);
  reply.writeBigUInt64LE(FREE_BLOCKS, 32);
  reply.writeUInt32LE(BLOCK, 40);
  reply.writeUInt32LE(255, 44);
  reply.writeUInt32LE(BLOCK, 48);
  return reply;
}

function attributeBytes({ id, size, mtimeMs, mode, links, uid, gid }: Node): Buffer {
  const bytes = Buffer.alloc(88);
  bytes.writeBigUInt64LE(BigInt(id), 0);
  bytes.writeBigUInt64LE(BigInt(size), 8);
  bytes.writeBigUInt64LE(BigInt(Math.ceil(size / 512)), 16);
  for (const at of [24, 32, 40]) bytes.writeBigUInt64LE(BigInt(Math.floor(mtimeMs / 1_000)), at);
  for (const at of [48, 52, 56]) bytes.writeUInt32LE((mtimeMs % 1_000) * 1_000_000, at);
  for (const [index, value] of [mode, links, uid, gid].entries()) bytes.writeUInt32LE(value, 60 + 4 * index);
  bytes.writeUInt32LE(BLOCK, 80);
  return bytes;
}

function attributes(node: Node): Buffer {
  const head = Buffer.alloc(16);
  head.writeBigUInt64LE(VALID_S, 0);
  return Buffer.concat([head, attributeBytes(node)]);
}

function entry(node: Node): Buffer {
  const head = Buffer.alloc(40);
  head.writeBigUInt64LE(BigInt(node.id), 0);
  head.writeBigUInt64LE(VALID_S, 16);
  head.writeBigUInt64LE(VALID_S, 24);
  return Buffer.concat([head, attributeBytes(node)]);
}

const entryOr = (found: Node | number): Buffer | number => (typeof found === 'number' ? found : entry(found));

function opened(node: Node): Buffer {
  const reply = Buffer.alloc(16);
  reply.writeBigUInt64LE(BigInt(node.id), 0);
  return reply;
}

function writeReply(size: number): Buffer {
  const reply = Buffer.alloc(8);
  reply.writeUInt32LE(size, 0);
  return reply;
}

function listing(tree: MemoryTree, folder: Node, offset: number, limit: number): Buffer {
  const names: [string, number][] = [['.', folder.id], ['..', folder.id], ...folder.entries];
  const parts: Buffer[] = [];
  let length = 0;
  for (const [index, [name, id]] of names.entries()) {
    const bytes = Buffer.from(name);
    const part = Buffer.alloc(Math.ceil((24 + bytes.length) / 8) * 8);
    if (index < offset) continue;
    if (length + part.length > limit) break;
    part.writeBigUInt64LE(BigInt(id), 0);
    part.writeBigUInt64LE(BigInt(index + 1), 8);
    part.writeUInt32LE(bytes.length, 16);
    part.writeUInt32LE((tree.node(id)?.mode ?? 0) >> 12, 20);
    bytes.copy(part, 24);
    parts.push(part);
    length += part.length;
  }
  return Buffer.concat(parts);
}
