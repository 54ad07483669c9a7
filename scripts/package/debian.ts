/** `locum_VERSION_ARCH.deb`: the program, its units, users and folders, manual pages and completion. Made by dpkg-deb. */
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { inScratch, type Packing } from './archive.ts';
import type { Architecture } from './node-program.ts';
import { placeProgram, writeText } from './program-folder.ts';
import { ROOT, readManifest, runTool } from './stage.ts';

const DEBIAN_NAMES: Readonly<Record<Architecture, string>> = { x64: 'amd64', arm64: 'arm64' };
const TEMPLATES = join(ROOT, 'deploy/debian');
/** Where units and documents say that the program is, and where this package puts it. */
const [BY_HAND, BY_PACKAGE] = ['/opt/locum', '/usr/lib/locum'];

function control(architecture: Architecture, installedKiB: number): string {
  const { version, description } = readManifest();
  return `Package: locum
Version: ${version}
Architecture: ${DEBIAN_NAMES[architecture]}
Maintainer: The Locum authors <locum@example.invalid>
Installed-Size: ${installedKiB}
Depends: libc6 (>= 2.28), libstdc++6 (>= 10), passwd
Recommends: systemd
Section: admin
Priority: optional
Description: ${description.replace(/\.$/, '')}
 Controller, agent and keeper, with units for systemd, and the command locum.
 It brings its own Node. Nothing is started by the installation: a host is
 made a controller or joined to one by hand.
`;
}

/** What stands beside the program: links, units, settings, manual, completion. */
function placeAround(root: string): void {
  const program = join(root, BY_PACKAGE.slice(1));
  mkdirSync(join(root, 'usr/bin'), { recursive: true });
  runTool('ln', ['-s', '../lib/locum/bin/locum', join(root, 'usr/bin/locum')]);
  renameSync(join(program, 'share'), join(root, 'usr/share'));
  const units = join(program, 'deploy/systemd');
  for (const name of readdirSync(units)) {
    const text = readFileSync(join(units, name), 'utf8').replaceAll(BY_HAND, BY_PACKAGE);
    writeText(join(root, 'usr/lib/systemd/system', name), text);
  }
  rmSync(units, { recursive: true });
  for (const name of ['controller.yaml', 'agent.yaml']) {
    writeText(join(root, 'etc/locum', name), readFileSync(join(ROOT, 'deploy/settings', name), 'utf8'));
  }
  const pages = join(root, 'usr/share/man/man1');
  for (const name of readdirSync(pages)) {
    const bytes = gzipSync(readFileSync(join(pages, name)), { level: 9 });
    rmSync(join(pages, name));
    writeFileSync(join(pages, `${name}.gz`), bytes);
    chmodSync(join(pages, `${name}.gz`), 0o644);
  }
  const documents = join(root, 'usr/share/doc/locum');
  mkdirSync(documents, { recursive: true });
  cpSync(join(program, 'LICENSE'), join(documents, 'copyright'));
  cpSync(join(program, 'CHANGELOG.md'), join(documents, 'changelog.md'));
}

function placeScripts(root: string): void {
  for (const name of ['postinst', 'prerm', 'postrm']) {
    writeText(join(root, 'DEBIAN', name), readFileSync(join(TEMPLATES, name), 'utf8'), 0o755);
  }
  writeText(join(root, 'DEBIAN/conffiles'), '/etc/locum/controller.yaml\n/etc/locum/agent.yaml\n');
}

export function packForDebian({ staged, out, isQuick }: Packing, architecture: Architecture): Promise<string> {
  return inScratch(async (scratch) => {
    const program = join(scratch, BY_PACKAGE);
    mkdirSync(program, { recursive: true });
    chmodSync(scratch, 0o755);
    await placeProgram(program, staged, architecture);
    placeAround(scratch);
    runTool('chmod', ['-R', 'u+rw,go+r-w,a+X', scratch]);
    const installedKiB = Number.parseInt(runTool('du', ['-sk', '--apparent-size', scratch]), 10);
    placeScripts(scratch);
    writeText(join(scratch, 'DEBIAN/control'), control(architecture, installedKiB));
    const file = join(out, `locum_${readManifest().version}_${DEBIAN_NAMES[architecture]}.deb`);
    const press = isQuick ? ['-Zgzip', '-z1'] : ['-Zxz'];
    runTool('dpkg-deb', ['--root-owner-group', ...press, '--build', scratch, file]);
    return file;
  });
}
