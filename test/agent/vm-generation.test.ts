import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findVmGeneration } from '../../agent/vm-generation.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'locum-generation-'));
  file = join(folder, 'generation');
});
afterEach(() => rmSync(folder, { recursive: true }));

/** The page of a vmclock, as include/uapi/linux/vmclock-abi.h of Linux lays it out. */
function vmclock({ sequence = 2, marker = 1n, counter = 0n, seconds = 0n } = {}): Buffer {
  const page = Buffer.alloc(4096);
  page.write('VCLK', 0, 'latin1');
  page.writeUInt32LE(4096, 4);
  page.writeUInt16LE(1, 8);
  page.writeUInt32LE(sequence, 12);
  page.writeBigUInt64LE(marker, 16);
  page.writeBigUInt64LE(counter, 40);
  page.writeBigUInt64LE(seconds, 72);
  return page;
}

const READABLE = { generation: expect.any(String) };
const seen = () => {
  const found = findVmGeneration(file);
  return { found, generation: found?.read() };
};

describe('the vmclock of a virtual machine', () => {
  it('has another generation when its marker of disruptions changed, and only then', () => {
    writeFileSync(file, vmclock());
    const { found, generation } = seen();
    expect(found?.kind).toBe('vmclock');
    expect(generation).toBe('0100000000000000');
    writeFileSync(file, vmclock({ sequence: 8, counter: 123_456n, seconds: 99n }));
    expect(found?.read()).toBe(generation);
    writeFileSync(file, vmclock({ sequence: 10, marker: 2n }));
    expect(found?.read()).not.toBe(generation);
  });

  it('is found by itself where it may be read', () => {
    writeFileSync(file, vmclock());
    expect(findVmGeneration('', file)).toMatchObject({ file, kind: 'vmclock' });
  });

  it('is not looked for in something else, and not missed where there is none', () => {
    writeFileSync(file, 'something else');
    expect(findVmGeneration('', file)).toBeUndefined();
    expect(findVmGeneration('', join(folder, 'none'))).toBeUndefined();
  });
});

describe('the vmclock of this machine', () => {
  it('keeps its generation while nothing disrupts it', (ctx) => {
    const found = findVmGeneration('');
    if (found === undefined) return ctx.skip('there is no /dev/vmclock0 that may be read');
    expect({ generation: found.read() }).toEqual(READABLE);
    expect(found.read()).toBe(found.read());
  });
});

describe('a file that the platform writes', () => {
  it('has another generation when its content changed, also when it is another file of that name', () => {
    writeFileSync(file, 'one');
    const { found, generation } = seen();
    expect(found?.kind).toBe('file');
    expect(found?.read()).toBe(generation);
    writeFileSync(`${file}.new`, 'two');
    renameSync(`${file}.new`, file);
    expect(found?.read()).not.toBe(generation);
    writeFileSync(file, '');
    expect({ generation: found?.read() }).toEqual(READABLE);
  });

  it('has none while it can not be read, and the same as before once it can', () => {
    writeFileSync(file, 'one');
    const { found, generation } = seen();
    renameSync(file, `${file}.away`);
    expect(found?.read()).toBeUndefined();
    renameSync(`${file}.away`, file);
    expect(found?.read()).toBe(generation);
  });

  it('must be there at first: nobody should believe to be protected and not be', () => {
    expect(() => findVmGeneration(file)).toThrow(/vm_generation_file: .*ENOENT/);
    expect(() => findVmGeneration(folder)).toThrow(/vm_generation_file: .*EISDIR/);
  });
});
