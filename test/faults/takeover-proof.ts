/** The old attempt's end, as the controller tells it: proof (b) of the semantics. */
export const WAITED = /^(\d+) ms passed since its last grant, ([\d.]+) ms more than the takeover wait of ([\d.]+) ms$/;
