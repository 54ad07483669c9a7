import { chmodSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { contextHome } from './context-home.ts';

const here = contextHome();

describe('locum context', () => {
  it('makes, lists, uses and deletes contexts', async () => {
    expect((await here.locum('context list')).stderr).toContain('locum context set');
    const made = await here.locum('context set prod --address c1:7400,c2:7400 --ca-file ca.crt');
    expect(made.stderr).toContain('Context prod is made, and used from now on.');
    expect((await here.locum('context set lab --address 127.0.0.1:7500 -o wide')).stderr).toBe(
      'Context lab is made.\n',
    );
    expect((await here.locum('context list -o name')).stdout).toBe('lab\nprod\n');
    expect((await here.locum('context list')).stdout).toMatch(/\*\s+prod\s+c1:7400,c2:7400\s+\S+\/ca.crt/);
    await here.locum('context use lab');
    expect((await here.locum('context show')).stdout).toBe('addresses:\n  - 127.0.0.1:7500\noutput: wide\n');
    expect((await here.locum('context delete lab')).stderr).toContain('No context is used now');
    expect((await here.locum('context list -o name')).stdout).toBe('prod\n');
  });

  it('keeps the file for its owner only, and says when others can read it', async () => {
    await here.locum(`context set lab --address ${here.api.address}`);
    expect(statSync(here.file).mode & 0o777).toBe(0o600);
    chmodSync(here.file, 0o644);
    const listed = await here.locum('server list -o name');
    expect(listed.stdout).toBe('servers/web-1\n');
    expect(listed.stderr).toBe(`warning: ${here.file} is open to other users of this host (644): chmod 600 it\n`);
  });

  it('changes what it is told to, and leaves comments and the rest as they are', async () => {
    here.write('# mine\ncurrentContext: a\ncontexts:\n  # the lab\n  a:\n    addresses: [h:1]\n    tokenFile: t\n');
    await here.locum('context set a --token locum_k1_secret');
    expect(here.text()).toBe(
      '# mine\ncurrentContext: a\ncontexts:\n  # the lab\n  a:\n    addresses: [ h:1 ]\n    token: locum_k1_secret\n',
    );
    await here.locum('context set a --unset token');
    expect(here.text()).not.toContain('token');
    expect((await here.locum('context set a --unset tokne')).stderr).toContain('possible: address, tls, token, output');
  });

  it('changes the file that a link leads to', async () => {
    mkdirSync(join(here.home, 'locum'));
    writeFileSync(join(here.home, 'dotfile'), 'contexts: {}\n', { mode: 0o600 });
    symlinkSync(join(here.home, 'dotfile'), here.file);
    await here.locum('context set a --address h:1');
    expect(readFileSync(join(here.home, 'dotfile'), 'utf8')).toContain('h:1');
  });

  it('shows no secret', async () => {
    await here.locum('context set a --address h:1 --token locum_k1_secret');
    await here.locum('context set b --address h:1 --token eyJhbGciOi.secret.secret');
    for (const words of [
      'context list',
      'context list -o json',
      'context list -o yaml',
      'context show a',
      'context show b',
      'context show a --effective',
      'context show b --effective -o json',
    ]) {
      const { stdout, stderr } = await here.locum(words);
      expect(stdout + stderr).toContain('********');
      expect(stdout + stderr).not.toContain('secret');
    }
  });

  it('takes nothing that it could not read again', async () => {
    await here.locum('context set a --address h:1');
    const before = here.text();
    for (const words of ['context set ../b --address h:1', 'context set b --address h', 'context set b -o xml']) {
      const { code } = await here.locum(words);
      expect(code, words).toBe(1);
    }
    expect(here.text()).toBe(before);
  });

  it.each([
    ['contexts:\n  a:\n    adress: [h:1]\n', 'did you mean'],
    ['contexts:\n  a:\n    addresses: [h]\ncurrent_context: a\n', 'context a: "h" is not host:port'],
    [
      'contexts:\n  a: {token: x, token_file: y}\ncurrent_context: a\n',
      'context a: token and token_file exclude each other',
    ],
    ['contexts:\n  a: {cert_file: x}\ncurrent_context: a\n', 'context a: cert_file and key_file belong together'],
    ['contexts:\n  a: {output: xml}\ncurrent_context: a\n', 'context a: output "xml" is none of table'],
    ['current_context: gone\n', 'there is no context "gone" (current_context)'],
    ['contexts: [\n', 'config.yaml'],
  ])('says what is wrong with a file, and asks nobody: %j', async (yaml, problem) => {
    here.write(yaml);
    const { code, stderr } = await here.locum('server list');
    expect(stderr).toContain(problem);
    expect(stderr).not.toContain('defect');
    expect(code).not.toBe(0);
    expect(here.shown).toEqual([]);
  });

  it('completes names of contexts, and those of the cluster that the line names', async () => {
    here.write(
      `contexts:\n  lab: {addresses: ["${here.api.address}"], token: of-lab}\n  prod: {addresses: ["c1:7400"]}\n`,
    );
    expect((await here.locum('complete-words -- context use ')).stdout).toBe('lab\nprod\n');
    expect((await here.locum('complete-words -- server list --context ')).stdout).toBe('lab\nprod\n');
    expect((await here.locum('complete-words -- server show --context lab ')).stdout).toBe('web-1\n');
    expect(here.shown).toEqual(['Bearer of-lab']);
  });
});

describe('a command', () => {
  it('goes where its context says, with its token, and prints as it says', async () => {
    await here.locum(`context set lab --address ${here.api.address} --token of-lab -o name`);
    expect((await here.locum('server list')).stdout).toBe('servers/web-1\n');
    expect(here.shown).toEqual(['Bearer of-lab']);
  });

  it('takes the context that is named by --context or LOCUM_CONTEXT, and says when there is none', async () => {
    await here.locum('context set other --address 127.0.0.1:1');
    await here.locum(`context set lab --address ${here.api.address}`);
    expect((await here.locum('server list --context lab')).code).toBe(0);
    expect((await here.locum('server list', { LOCUM_CONTEXT: 'lab' })).code).toBe(0);
    const missed = await here.locum('server list --context lba');
    expect([missed.code, missed.stderr]).toEqual([3, 'error: there is no context "lba"\nDid you mean "lab"?\n']);
  });

  it('that reaches nobody says which context the address is of', async () => {
    await here.locum('context set lab --address 127.0.0.1:1');
    expect((await here.locum('server list')).stderr).toContain('The address is that of context lab');
  });
});
