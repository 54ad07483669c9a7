/** What a controller is called among those that share a store. */
import { hostname } from 'node:os';
import type { ListenAddress } from '../../shared/listen-address.ts';
import type { ControllerSettings } from './config.ts';

export const controllerId = ({ id, apiListen }: Pick<ControllerSettings, 'id' | 'apiListen'>): string =>
  id ?? defaultId(apiListen);

/** One host may run several, each on a port of its own. */
function defaultId({ port }: ListenAddress): string {
  const host = hostname()
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, '-')
    .replace(/^[^a-z]+/, '')
    .slice(0, 50);
  return `${host === '' ? 'controller' : host.replace(/-+$/, '')}-${port === 0 ? process.pid : port}`;
}
