import { parseIp } from '#bytes/ip'

/** The last part begins with a letter (RFC 3696 §2): `203.0.113.1O` is a slip in an address. */
const HOST_NAME = /^(?:(?!-)[a-z0-9-]{1,63}\.)*[a-z][a-z0-9-]{0,62}\.?$/i

export function isHostName(text: string): boolean {
  return text.length <= 253 && HOST_NAME.test(text)
}

/** An address, or a name that leads to one. */
export function isHost(text: string): boolean {
  return parseIp(text) !== undefined || isHostName(text)
}
