/**
 * A client of Locum: changes that happen once, watches that go on, errors by reason, a fence for code inside a policy.
 *
 * <p>{@link locum.client.Locum} connects. The messages and the stubs are in {@code locum.v1}; docs/reference/api.md describes them.
 */
package locum.client;
