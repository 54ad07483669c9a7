/** The SDK for browsers, in a page of a real one. */
import type { Page } from 'playwright-core';
import { ROOT } from '../e2e/locum-command.ts';
import { type OpenPage, openPage } from './chromium.ts';
import type { ConnectOptions, SdkClient, SdkDriver } from './driver.ts';

/** The types of what crosses to the page are worked out by the compiler, which finds no end in those of JSON. */
const json = (value: object): object => value;

export class BrowserDriver implements SdkDriver {
  #opened: Promise<OpenPage> | undefined;
  readonly #onEvent = new Map<number, (told: string) => void>();
  readonly #early = new Map<number, string[]>();

  async #page(): Promise<Page> {
    this.#opened ??= this.#open();
    return (await this.#opened).page;
  }

  async #open(): Promise<OpenPage> {
    const opened = await openPage(ROOT);
    const { page } = opened;
    await page.exposeFunction('onEvent', (following: number, name: string) => this.#told(following, name));
    await page.addScriptTag({ type: 'module', url: '/test/sdk/browser-player.ts' });
    await page.waitForFunction(() => 'player' in globalThis);
    return opened;
  }

  /** Events may come before it is known by which number. */
  #told(following: number, name: string): void {
    const onEvent = this.#onEvent.get(following);
    if (onEvent === undefined) this.#early.set(following, [...(this.#early.get(following) ?? []), name]);
    else onEvent(name);
  }

  #tells(page: Page, following: number, onEvent: (told: string) => void): () => Promise<void> {
    for (const told of this.#early.get(following) ?? []) onEvent(told);
    this.#onEvent.set(following, onEvent);
    return () => page.evaluate((number) => player.end(number), following);
  }

  async connect({ addresses, timeoutMs, token }: ConnectOptions): Promise<SdkClient> {
    const page = await this.#page();
    const origins = addresses.map((address) => `http://${address}`);
    const options = { origins, timeoutMs, ...(token === undefined ? {} : { token }) };
    const id = await page.evaluate((given) => player.connect(given), options);
    return {
      call: (method, request, limits = {}) =>
        page.evaluate(([...words]) => player.call(...words), [id, method, json(request), limits] as const),
      list: (method, request, items) =>
        page.evaluate(([...words]) => player.list(...words), [id, method, json(request), items] as const),
      follow: async (about, after, onEvent) => {
        const words = [id, about, String(after)] as const;
        const following = await page.evaluate(([...all]) => player.follow(...all), words);
        return this.#tells(page, following, onEvent);
      },
      watch: async (method, onTold) => {
        const watching = await page.evaluate(([...words]) => player.watch(...words), [id, method] as const);
        return this.#tells(page, watching, (told) => onTold(JSON.parse(told)));
      },
      fence: (env) => page.evaluate(([...words]) => player.fence(...words), [id, json(env)] as const),
      close: () => page.evaluate((number) => player.close(number), id),
    };
  }

  async stop(): Promise<void> {
    await (await this.#opened)?.stop();
  }
}
