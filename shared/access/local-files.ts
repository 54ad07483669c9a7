/** What a controller leaves in its data directory for the command line of its host. */

/** Whoever can read it administers the cluster. */
export const LOCAL_TOKEN_FILE = 'admin.token';
/** Beside it, where the controller speaks TLS: its roots. */
export const LOCAL_ROOTS_FILE = 'admin.ca.crt';
