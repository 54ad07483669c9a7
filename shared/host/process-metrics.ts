import { collectDefaultMetrics, Registry } from '@prometheus-io/client';

let ofProcess: Registry | undefined;

/**
 * Shows this process in `registry`: memory, processor time, open files and the event loop, under the names that dashboards know. They are
 * made once for the process, however many controllers and agents live in it one after the other: what observes the collections of garbage
 * and the event loop can't be taken back, and would keep each of them in memory.
 */
export function addProcessMetrics(registry: Registry): void {
  if (ofProcess === undefined) {
    ofProcess = new Registry();
    collectDefaultMetrics({ register: ofProcess });
  }
  for (const { name } of ofProcess.getMetricsAsArray()) {
    const metric = ofProcess.getSingleMetric(name);
    if (metric !== undefined) registry.registerMetric(metric);
  }
}
