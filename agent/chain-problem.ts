/** Why a TLS connection to a controller came to nothing: the library for gRPC passes on what OpenSSL says, as a text only. */

/** As OpenSSL says that no root is known which stands for the certificate. */
const UNKNOWN_ISSUER = /unable to (?:get|verify)|self-signed certificate|local issuer/;

/** As OpenSSL says it of an answer that is no TLS. */
const NO_TLS = /wrong version number|packet length too long|EPROTO/;

export const isNoTls = (details: string): boolean => NO_TLS.test(details);

export const isUnknownIssuer = (details: string): boolean => UNKNOWN_ISSUER.test(details);
