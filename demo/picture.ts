/** A takeover as a picture: who ran what and when, as the processes themselves wrote it down, over the time since the last heartbeat. */
import { SECOND } from '../shared/time.ts';

/** One process of a run. */
export interface Life {
  readonly policy: string;
  readonly server: string;
  readonly epoch: bigint;
  readonly startWallMs: number;
}

export interface Scene {
  /** In their order; the first is the one that is lost. */
  readonly servers: readonly string[];
  readonly lives: readonly Life[];
  readonly lastHeartbeatWallMs: number;
  readonly killedWallMs: number;
  readonly suspectWallMs: number;
  readonly missingWallMs: number;
  readonly missingAfterMs: number;
}

const WIDTH = 920;
const LEFT = 150;
const RIGHT = 20;
const TOP = 64;
const BAR = 22;
const GAP = 6;
const LANE_GAP = 16;
/** Shown before the last heartbeat and after the takeover, in shares of missing_after. */
const BEFORE = 0.3;
const AFTER = 0.32;

const STYLE = `
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-size: 16px; font-weight: 600 } .soft { fill: #59636e } .small { font-size: 12px }
  .lane { fill: #f3f4f6 } .line { stroke: #8c959f; stroke-dasharray: 3 3 } .loss { stroke: #cf222e; stroke-width: 2 }
  .lost { fill: #cf222e } .in-bar { fill: #ffffff; font-size: 12px }
  .p0 { fill: #0969da } .p1 { fill: #1a7f37 } .p2 { fill: #8250df }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc } .soft { fill: #9198a1 } .lane { fill: #212830 } .lost { fill: #ff7b72 } .loss { stroke: #ff7b72 }
    .in-bar { fill: #ffffff } .p0 { fill: #1f6feb } .p1 { fill: #238636 } .p2 { fill: #8957e5 }
  }`;

/** SVG, of one size, for light and dark pages. */
export function takeoverPicture(scene: Scene): string {
  const { servers, lives, missingAfterMs } = scene;
  const policies = [...new Set(lives.map(({ policy }) => policy))];
  const most = (server: string): number => Math.max(1, lives.filter((life) => life.server === server).length);
  const parts: string[] = [];
  let top = TOP;
  for (const [index, server] of servers.entries()) {
    const height = most(server) * (BAR + GAP) + GAP;
    parts.push(...laneOf(scene, { server, index, top, height, policies }));
    top += height + LANE_GAP;
  }
  const after = Math.max(...lives.map(({ startWallMs }) => startWallMs)) - scene.lastHeartbeatWallMs - missingAfterMs;
  const title = `kill -9 of the primary's whole host, and ${missingAfterMs / SECOND} s after its last heartbeat the next servers carry on`;
  const sub = `No process starts before that; the last one started ${Math.round(after)} ms later. Recorded by npm run demo.`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${top + 34}" width="${WIDTH}" height="${top + 34}" role="img">`,
    `<title>${title}</title>`,
    `<style>${STYLE}\n</style>`,
    `<text class="title" x="0" y="18">${title}</text>`,
    `<text class="soft" x="0" y="38">${sub}</text>`,
    ...parts,
    ...axis(scene, top),
    '</svg>\n',
  ].join('\n');
}

interface Lane {
  readonly server: string;
  readonly index: number;
  readonly top: number;
  readonly height: number;
  readonly policies: readonly string[];
}

function laneOf(scene: Scene, { server, index, top, height, policies }: Lane): string[] {
  const { lives, killedWallMs, lastHeartbeatWallMs, missingAfterMs } = scene;
  const isLost = index === 0;
  const middle = top + height / 2;
  const role = isLost ? 'primary' : 'standby';
  const found = [
    `<rect class="lane" x="${LEFT}" y="${top}" width="${WIDTH - LEFT - RIGHT}" height="${height}" rx="4"/>`,
    `<text x="0" y="${middle}">${server}</text><text class="soft small" x="0" y="${middle + 16}">${role}</text>`,
  ];
  for (const [row, { policy, epoch, startWallMs }] of lives.filter((life) => life.server === server).entries()) {
    const x = Math.max(LEFT, xOf(scene, startWallMs));
    const end = isLost ? xOf(scene, killedWallMs) : WIDTH - RIGHT;
    const y = top + GAP + row * (BAR + GAP);
    const color = `p${policies.indexOf(policy) % 3}`;
    found.push(
      `<rect class="${color}" x="${x}" y="${y}" width="${end - x}" height="${BAR}" rx="3"/>`,
      `<text class="in-bar" x="${x + 7}" y="${y + 15}">${policy}, epoch ${epoch}</text>`,
    );
  }
  if (!isLost) return found;
  const x = xOf(scene, killedWallMs);
  const silent = xOf(scene, lastHeartbeatWallMs + missingAfterMs / 2);
  found.push(
    `<path class="loss" d="M${x} ${top - 4}V${top + height + 4}"/>`,
    `<text class="lost" x="${x + 8}" y="${top + 18}">kill -9</text>`,
    `<text class="soft" x="${silent}" y="${middle + 12}">silent</text>`,
  );
  return found;
}

function axis(scene: Scene, bottom: number): string[] {
  const { lastHeartbeatWallMs, suspectWallMs, missingWallMs } = scene;
  const marks: readonly (readonly [wallMs: number, text: string])[] = [
    [lastHeartbeatWallMs, 'last heartbeat'],
    [suspectWallMs, 'SUSPECT'],
    [missingWallMs, 'MISSING: taken over'],
  ];
  return marks.flatMap(([wallMs, text]) => {
    const x = xOf(scene, wallMs);
    const seconds = ((wallMs - lastHeartbeatWallMs) / SECOND).toFixed(1).replace(/\.0$/, '');
    return [
      `<path class="line" d="M${x} ${TOP - 8}V${bottom - 4}"/>`,
      `<text class="small" x="${x}" y="${bottom + 10}" text-anchor="middle">${seconds} s</text>`,
      `<text class="soft small" x="${x}" y="${bottom + 26}" text-anchor="middle">${text}</text>`,
    ];
  });
}

function xOf({ lastHeartbeatWallMs, missingAfterMs }: Scene, wallMs: number): number {
  const share = (wallMs - lastHeartbeatWallMs) / missingAfterMs + BEFORE;
  const x = LEFT + (share / (BEFORE + 1 + AFTER)) * (WIDTH - LEFT - RIGHT);
  return Math.round(Math.min(x, WIDTH - RIGHT) * 10) / 10;
}
