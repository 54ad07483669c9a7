/** Etags: opaque to clients, made from a record's identity and the count of its changes. */
import type { Uid } from '../../../shared/ids.ts';

export const etagOf = (record: { readonly uid: Uid; readonly version: number }): string =>
  `"${record.uid}.${record.version}"`;

export const orderEtagOf = (pool: { readonly uid: Uid; readonly orderVersion: number }): string =>
  `"${pool.uid}.order.${pool.orderVersion}"`;
