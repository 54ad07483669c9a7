/** A policy that is started by hand, and tries once. */
export const runOnce = (id: string, argv: readonly string[]) => ({
  policy: {
    name: `policies/${id}`,
    trigger: { kind: { case: 'onDemand' as const, value: {} } },
    restart: { maxFailures: 1 },
    workload: { kind: { case: 'command' as const, value: { argv: [...argv] } } },
  },
});
