import { type IpAddress, parseIp } from '#bytes/ip'
import { equalDn, formatDn, parseDn } from './distinguished-name.ts'
import { isTextProblem, type TextProblem, textProblem } from './text-problem.ts'

/** Who a peer says it is: the ID types of RFC 2407 §4.6.2.1 and RFC 7296 §3.5 that name one party. */
export type Identity =
  | { readonly kind: 'address'; readonly address: IpAddress }
  | { readonly kind: 'fqdn'; readonly name: string }
  | { readonly kind: 'user-fqdn'; readonly name: string }
  | { readonly kind: 'dn'; readonly der: Uint8Array }
  | { readonly kind: 'key-id'; readonly octets: Uint8Array }

/** As `parseIdentity` reads it; a peer's control characters never reach a terminal. */
export function formatIdentity(identity: Identity): string {
  switch (identity.kind) {
    case 'address':
      return identity.address
    case 'fqdn':
      // Without the mark a name could be taken for an address or an e-mail address.
      return isPlainName(identity.name) ? identity.name : `@${printable(identity.name)}`
    case 'user-fqdn':
      return printable(identity.name)
    case 'dn':
      return formatDn(identity.der) ?? `dn:0x${hex(identity.der)}`
    case 'key-id':
      return `keyid:${keyIdText(identity.octets)}`
  }
}

/**
 * Names of hosts and users are compared without regard to case (RFC 4945 §3.1.2 and §3.1.3 treat them as DNS does),
 * distinguished names by their parts (RFC 5280 §7.1); what is no readable one equals nothing.
 */
export function equalIdentity(a: Identity, b: Identity): boolean {
  if (a.kind === 'address') return b.kind === 'address' && a.address === b.address
  if (a.kind === 'fqdn') return b.kind === 'fqdn' && lower(a.name) === lower(b.name)
  if (a.kind === 'user-fqdn') return b.kind === 'user-fqdn' && lower(a.name) === lower(b.name)
  if (a.kind === 'dn') return b.kind === 'dn' && equalDn(a.der, b.der)
  return b.kind === 'key-id' && hex(a.octets) === hex(b.octets)
}

/**
 * Reads `203.0.113.10`, `gw.example.net` or `@gw.example.net`, `vpn@example.net`, `keyid:site-7`, `keyid:0x00ff`, and distinguished
 * names such as `CN=gw-berlin, O=Example`.
 */
export function parseIdentity(text: string): Identity | TextProblem {
  const plain = text.trim()
  const address = parseIp(plain)
  if (address !== undefined) return { kind: 'address', address }
  if (/^keyid:/i.test(plain)) return parseKeyId(plain.slice('keyid:'.length))
  if (/^[a-z][a-z0-9.-]*\s*=|^[0-2](?:\.\d+)+\s*=/i.test(plain)) {
    const der = parseDn(plain)
    return isTextProblem(der) ? der : { kind: 'dn', der }
  }
  const at = plain.indexOf('@')
  if (at > 0 && isName(plain.slice(0, at)) && isName(plain.slice(at + 1)))
    return { kind: 'user-fqdn', name: plain }
  const name = at === 0 ? plain.slice(1) : plain
  if (isName(name) && (at === 0 || isPlainName(name))) return { kind: 'fqdn', name }
  return textProblem(plain, `"${plain}" is not an identity`, {
    hints: [
      'written for example 203.0.113.10, gw.example.net, vpn@example.net, "CN=gw, O=Example", keyid:site-7',
    ],
  })
}

function parseKeyId(value: string): Identity | TextProblem {
  if (value === '') return textProblem('keyid:', 'nothing stands after "keyid:"')
  if (!value.startsWith('0x')) return { kind: 'key-id', octets: new TextEncoder().encode(value) }
  const digits = value.slice(2)
  if (!/^([0-9a-f]{2})+$/i.test(digits))
    return textProblem(value, `"${value}" is not a whole number of octets in hexadecimal`)
  const pairs = digits.match(/../g) ?? []
  return { kind: 'key-id', octets: Uint8Array.from(pairs, (pair) => Number.parseInt(pair, 16)) }
}

/** A key ID is opaque octets (RFC 2407 §4.6.2.1), but most are words. */
function keyIdText(octets: Uint8Array): string {
  const text = String.fromCharCode(...octets.subarray(0, LONGEST_KEY_ID))
  const isText =
    octets.length <= LONGEST_KEY_ID && /^[\x21-\x7e]+$/.test(text) && !text.startsWith('0x')
  return isText ? text : `0x${hex(octets)}`
}

const LONGEST_KEY_ID = 256

function isName(text: string): boolean {
  return text.length <= 255 && /^[a-z0-9_]([a-z0-9._+-]*[a-z0-9_])?$/i.test(text)
}

/** What can be nothing but a host name: `10.1` or `1.2.3.4.5` would be a slip in an address. */
function isPlainName(text: string): boolean {
  return isName(text) && /[a-z]/i.test(text)
}

function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, (char) => `\\x${hex(new TextEncoder().encode(char))}`)
}

function lower(text: string): string {
  return text.toLowerCase()
}

function hex(octets: Uint8Array): string {
  return Array.from(octets, (octet) => octet.toString(16).padStart(2, '0')).join('')
}
