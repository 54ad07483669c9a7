import { describe, expect, it } from 'vitest';
import { type Scene, takeoverPicture } from '../../demo/picture.ts';
import { textOf } from './shell-blocks.ts';

const SCENE: Scene = {
  servers: ['server-1', 'server-2', 'server-3'],
  lives: [
    { policy: 'orders', server: 'server-1', epoch: 1n, startWallMs: 88_000 },
    { policy: 'orders', server: 'server-2', epoch: 4n, startWallMs: 145_050 },
    { policy: 'invoices', server: 'server-1', epoch: 2n, startWallMs: 88_010 },
    { policy: 'invoices', server: 'server-3', epoch: 5n, startWallMs: 145_060 },
    { policy: 'reports', server: 'server-1', epoch: 3n, startWallMs: 88_020 },
    { policy: 'reports', server: 'server-3', epoch: 6n, startWallMs: 145_070 },
  ],
  lastHeartbeatWallMs: 100_000,
  killedWallMs: 104_000,
  suspectWallMs: 115_000,
  missingWallMs: 145_001,
  missingAfterMs: 45_000,
};

const withoutFigures = (svg: string): string => svg.replaceAll(/\d+(?:\.\d+)?/g, 'N');
const xOfBar = (svg: string, text: string): number =>
  Number(new RegExp(`<text class="in-bar" x="([\\d.]+)" y="[\\d.]+">${text}<`).exec(svg)?.[1]);

describe('the picture of a takeover', () => {
  const svg = takeoverPicture(SCENE);

  it('on the first page is what the demo draws, but for its figures', () => {
    expect(withoutFigures(textOf('docs/failover.svg'))).toBe(withoutFigures(svg));
  });

  it('shows each process where it ran, the next one after the loss', () => {
    for (const [before, after] of [
      ['orders, epoch 1', 'orders, epoch 4'],
      ['reports, epoch 3', 'reports, epoch 6'],
    ] as const) {
      expect(xOfBar(svg, after)).toBeGreaterThan(xOfBar(svg, before) + 300);
    }
    expect(svg).toContain('the last one started 70 ms later');
  });
});
