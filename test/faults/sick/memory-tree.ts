/** Files, folders and sockets in memory, by number: what `fuse-server.ts` serves. */

export const TYPE_MASK = 0o170000;
export const FOLDER = 0o040000;

export interface Node {
  readonly id: number;
  mode: number;
  uid: number;
  gid: number;
  mtimeMs: number;
  links: number;
  /** Of a file, or the target of a symbolic link. */
  content: Buffer;
  size: number;
  /** Of a folder. */
  readonly entries: Map<string, number>;
}

const ROOT = 1;

export class MemoryTree {
  readonly #nodes = new Map<number, Node>();
  #lastId = ROOT;

  constructor() {
    this.#nodes.set(ROOT, makeNode(ROOT, FOLDER | 0o755));
  }

  node(id: number): Node | undefined {
    return this.#nodes.get(id);
  }

  get count(): number {
    return this.#nodes.size;
  }

  child(folder: number, name: string): Node | undefined {
    const id = this.node(folder)?.entries.get(name);
    return id === undefined ? undefined : this.node(id);
  }

  /** Takes the place of what has the name. */
  add(folder: number, name: string, mode: number): Node {
    this.#lastId += 1;
    const made = makeNode(this.#lastId, mode);
    this.#nodes.set(made.id, made);
    this.node(folder)?.entries.set(name, made.id);
    return made;
  }

  link(folder: number, name: string, node: Node): void {
    node.links += 1;
    this.node(folder)?.entries.set(name, node.id);
  }

  /** What is open goes on: nodes are never forgotten. A test's life is short. */
  remove(folder: number, name: string): void {
    const node = this.child(folder, name);
    if (node !== undefined) node.links -= 1;
    this.node(folder)?.entries.delete(name);
  }

  move(from: { readonly folder: number; readonly name: string }, to: typeof from): void {
    const node = this.child(from.folder, from.name);
    if (node === undefined) return;
    const replaced = this.child(to.folder, to.name);
    if (replaced !== undefined && replaced !== node) replaced.links -= 1;
    this.node(from.folder)?.entries.delete(from.name);
    this.node(to.folder)?.entries.set(to.name, node.id);
  }

  write(node: Node, offset: number, bytes: Buffer): void {
    const end = offset + bytes.length;
    if (end > node.content.length) {
      const grown = Buffer.alloc(Math.max(end, 2 * node.content.length));
      node.content.copy(grown);
      node.content = grown;
    }
    bytes.copy(node.content, offset);
    node.size = Math.max(node.size, end);
    node.mtimeMs = Date.now();
  }

  resize(node: Node, size: number): void {
    if (size > node.size) this.write(node, node.size, Buffer.alloc(size - node.size));
    else node.content.fill(0, size);
    node.size = size;
    node.mtimeMs = Date.now();
  }
}

function makeNode(id: number, mode: number): Node {
  const facts = { uid: 0, gid: 0, mtimeMs: Date.now(), links: (mode & TYPE_MASK) === FOLDER ? 2 : 1 };
  return { id, mode, ...facts, content: Buffer.alloc(0), size: 0, entries: new Map() };
}
