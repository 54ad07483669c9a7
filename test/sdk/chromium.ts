/** A real Chromium with a page whose origin is `http://console.test`. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { present } from '../../shared/assert.ts';
import { startPageServer } from './page-server.ts';

export const PAGE_HOST = 'console.test';
const PROGRAMS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** Why there is no browser here. */
export function browserMissing(): string | undefined {
  return PROGRAMS.some(existsSync) ? undefined : 'there is no Chromium (on Debian: apt-get install chromium)';
}

/** What a controller is started with that lets the page in. */
export const allowingPages = (): readonly string[] => [
  '--open',
  '--config',
  join(import.meta.dirname, 'allowing-pages.yaml'),
];

export interface OpenPage {
  readonly page: Page;
  readonly stop: () => Promise<void>;
}

/** The page may load the modules of this folder. */
export async function openPage(folder: string): Promise<OpenPage> {
  const server = await startPageServer(folder);
  let browser: Browser | undefined;
  const stop = async (): Promise<void> => {
    await browser?.close();
    await server.stop();
  };
  try {
    browser = await chromium.launch({
      executablePath: present(PROGRAMS.find(existsSync), 'a Chromium'),
      // A name of our own with the default port, as allowed_hosts takes it. Root has no sandbox.
      args: [`--host-resolver-rules=MAP ${PAGE_HOST}:80 127.0.0.1:${server.port}`, '--no-sandbox'],
    });
    const page = await browser.newPage();
    await page.goto(`http://${PAGE_HOST}/`);
    return { page, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
