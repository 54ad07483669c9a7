/**
 * What policies on sick hosts do. The witness makes no process once it has begun, waits for nobody but the clock and writes to a healthy
 * file system, so what it says of its own life does not depend on the host's health. Beside it the tree writes output without end, which
 * may well stall; it holds the witness's lock too, so the lock is free only once the whole tree is gone.
 */

/** Between two signs of life. */
export const BEAT_MS = 200;

export const sickWitness = (outputEveryMs: number): string => `set -u
log="$WITNESS_DIR/$LOCUM_RUN.log"
say() { read -r now _ < /proc/uptime; echo "$now $1 $LOCUM_EPOCH $$" >> "$log"; }
say start
exec 9>>"$WITNESS_DIR/$LOCUM_RUN.lock"
flock -n 9 || say overlap
exec 8<> <(:)
( trap '' TERM; while :; do read -r -t ${outputEveryMs / 1_000} -u 8; echo "output that nobody needs"; done ) &
trap 'say stop; exit 0' TERM
while :; do read -r -t ${BEAT_MS / 1_000} -u 8; say beat; done
`;
