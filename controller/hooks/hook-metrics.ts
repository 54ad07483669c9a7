/** What `/metrics` shows of hooks. Their number is that of the configuration, so their names may be labels. */
import { Counter, Gauge, type Registry } from '@prometheus-io/client';
import type { HooksPort } from './hook.ts';

export type ShownHooks = Pick<HooksPort, 'settings' | 'progressOf' | 'waitingOf'>;

export function addHookMetrics(registry: Registry, hooks: () => ShownHooks | undefined): void {
  const registers = [registry];
  new Counter({
    name: 'locum_hook_events_total',
    help: 'Events that a hook took, and tries that failed, since this controller leads.',
    labelNames: ['hook', 'outcome'],
    registers,
    collect() {
      this.reset();
      for (const { name: hook } of hooks()?.settings ?? []) {
        const { delivered = 0, failed = 0 } = hooks()?.progressOf(hook) ?? {};
        this.inc({ hook, outcome: 'delivered' }, delivered);
        this.inc({ hook, outcome: 'failed' }, failed);
      }
    },
  });
  new Gauge({
    name: 'locum_hook_waiting_events',
    help: 'Events that a hook was not told of yet.',
    labelNames: ['hook'],
    registers,
    collect() {
      this.reset();
      for (const settings of hooks()?.settings ?? []) {
        const waiting = hooks()?.waitingOf(settings);
        if (waiting !== undefined) this.set({ hook: settings.name }, waiting);
      }
    },
  });
}
