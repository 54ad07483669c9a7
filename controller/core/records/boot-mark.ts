/**
 * How a server's boot is shown. The ids of instance, machine and boot are what an agent is known by where it shows no certificate, so
 * nobody is told them; whoever looks at a server can still tell one boot from the next, and say which one is meant.
 */
import { sha256 } from '../../../shared/sha256.ts';
import type { Server } from './state.ts';

const DIGITS = 16;

/** 16 hexadecimal digits, other ones for each server and boot. */
export const bootMark = ({ uid, bootId }: Pick<Server, 'uid' | 'bootId'>): string =>
  sha256(`${uid} ${bootId}`).slice(0, DIGITS);
