import { ipFamily, parseIp } from '#bytes/ip'
import { Secret } from '#bytes/secret'
import { formatIdentity, parseIdentity } from '#policy/identity'
import { isTextProblem } from '#policy/text-problem'
import { isHostName } from '../host-name.ts'
import type { Origin } from './imported.ts'
import { rangeText, type Side, trafficText } from './traffic.ts'
import type { TunnelImport } from './tunnel-import.ts'

/** Values that swanctl.conf and both kinds of ipsec.conf write alike. */

/** An identity in our words; undefined for `%any`, for what is none, and for names with a wildcard, which only a distinguished name may have. */
export function swanIdentity(text: string): string | undefined {
  const plain = text.trim().replace(/^"(.*)"$/, '$1')
  if (plain === '' || /^%?any$/i.test(plain) || plain.startsWith('%')) return undefined
  const [, kind = '', value = ''] =
    /^(fqdn|dns|email|rfc822|userfqdn|keyid|ipv4|ipv6|asn1dn):(.*)$/i.exec(plain) ?? []
  if (/^keyid$/i.test(kind)) return identityText(`keyid:${value}`)
  if (/^(?:fqdn|dns)$/i.test(kind)) return identityText(`@${value}`)
  const bare = kind === '' ? plain : value
  if (bare.startsWith('@#')) return identityText(`keyid:0x${bare.slice(2)}`)
  if (bare.startsWith('@@')) return identityText(bare.slice(2))
  if (/^\/?\s*[A-Za-z0-9.]+\s*=/.test(bare)) return identityText(turnedName(bare))
  if (bare.includes('*')) return undefined
  return identityText(bare)
}

/** A key as written in a secrets file: text, `0x` hexadecimal or `0s` base64. */
export function swanSecret(text: string): Secret {
  const hex = /^0x((?:[0-9a-f]{2})+)$/i.exec(text)?.[1]
  if (hex !== undefined) return new Secret(Uint8Array.from(Buffer.from(hex, 'hex')))
  const base64 = /^0s([\w+/=]+)$/i.exec(text)?.[1]
  if (base64 !== undefined) return new Secret(Uint8Array.from(Buffer.from(base64, 'base64')))
  return new Secret(new TextEncoder().encode(text))
}

/** `3h`, `30m`, `90`, `1d`, `1h30m` as we write it; undefined when it is none, or 0 for never. */
export function swanTime(text: string): string | undefined {
  const plain = text.trim().toLowerCase()
  if (!/^(?:\d{1,9}[smhd]?)+$/.test(plain) || /^0+[smhd]?$/.test(plain)) return undefined
  return /^\d+$/.test(plain) ? `${plain}s` : plain
}

/** A duration of ours in seconds. */
export function secondsOf(time: string): number {
  const sizes: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 }
  return [...time.matchAll(/(\d+)([smhd])/g)].reduce(
    (sum, [, count, unit]) => sum + Number(count) * (sizes[unit ?? ''] ?? 0),
    0,
  )
}

/** `yes`, `true`, `on`, `1`. */
export function isYes(text: string): boolean {
  return /^(?:yes|true|on|1|enabled|force|insist)$/i.test(text.trim())
}

/** `10.1.0.0/16[tcp/http]`, `dynamic[gre]`; `own` is what `dynamic` stands for. */
export function swanSelector(text: string, own: string): Side | undefined {
  const [, range = '', traffic] = /^([^[\]]*)(?:\[([^\]]*)\])?$/.exec(text.trim()) ?? []
  const said = traffic === undefined ? '' : trafficText(traffic)
  if (said === undefined) return undefined
  const plain = range.trim()
  if (plain === '' || /^%?dynamic$/i.test(plain)) return { range: own, traffic: said }
  return { range: rangeText(plain), traffic: said }
}

/** Why what stands for a peer cannot be one here. */
export function noAddressOfPeer(text: string): string {
  if (parseIp(text.split(/[/-]/)[0] ?? '') !== undefined)
    return 'a peer has one address here: write a connection for each peer'
  return 'no address'
}

/** What files of one owner have in common: `moon` of `moonCert.pem` and `moonKey.pem`. */
export function stemOf(file: string | undefined): string | undefined {
  const name = (file ?? '').replace(/^.*\//, '').replace(/\.\w+$/, '')
  const stem = name.replace(/[-_.]?(?:cert|key)$/i, '')
  return stem === '' ? undefined : stem.toLowerCase()
}

/** A PKCS #12 file holds the certificate beside the key. */
export function isContainer(file: string): boolean {
  return /\.(?:p12|pfx)$/i.test(file)
}

/** The key beside a certificate by the custom of strongSwan's documentation. */
export function keyFileBeside(cert: string | undefined): string {
  const name = (cert ?? '').replace(/^.*\//, '')
  if (name === '') return 'KEY.pem'
  return /cert(?=\.\w+$)/i.test(name)
    ? name.replace(/cert(?=\.\w+$)/i, (word) => (word === 'cert' ? 'key' : 'Key'))
    : name
}

/** Of what libreswan takes where a proposal names no hash or no group, the first that is still advised. */
export const LIBRESWAN_FILLS_IN = { hash: 'sha256', group: 'group14' } as const

export function filledIn(proposals: readonly string[], key: string): string {
  return `${key}= leaves it to libreswan how ${proposals.join(', ')} goes on: ${LIBRESWAN_FILLS_IN.hash} and ${LIBRESWAN_FILLS_IN.group} are taken where nothing is said. Compare with the peer.`
}

/** Why any peer cannot come in; `where` is what names one. */
export function unnamedPeers(where: string): string {
  return `any peer may come; here each peer is a tunnel of its own: write a connection for each with its identity (${where})`
}

/** A peer from anywhere that nothing names: whoever has the proof, if there is one. What names some, as `*@example.net` does, is not that. */
export function takeAnyone(
  tunnel: TunnelImport,
  kind: 'psk' | 'certificate' | undefined,
  id: (Origin & { readonly value: string }) | undefined,
): boolean {
  if (kind === undefined) return false
  if (id !== undefined && !/^"?(?:%?any|%fromcert)"?$/i.test(id.value.trim())) return false
  const [key, proof] =
    kind === 'psk' ? ['peer-id.any-of', 'psk'] : ['certificate.peer-id.any-of', 'trust']
  if (id === undefined) tunnel.assume(key, proof, 'no identity is written')
  else tunnel.set(key, proof, id)
  tunnel.remark(kind === 'psk' ? WHOEVER_HAS_THE_KEY : WHOEVER_IS_CERTIFIED)
  return true
}

const ONE_AT_A_TIME =
  'One peer at a time has the tunnel: where several come, write one for each, with its peer-id and networks.'
const WHOEVER_HAS_THE_KEY = `Whoever has the key comes in, whatever it calls itself, as it did there. ${ONE_AT_A_TIME}`
const WHOEVER_IS_CERTIFIED = `Any certificate of the CAs in certificate.trust comes in, as it did there: right only where they issue to its peers and nobody else. ${ONE_AT_A_TIME}`

/** Main mode finds a pre-shared key before it knows who the peer is (RFC 2409 §5.4). */
export const ONE_KEY_FOR_ALL =
  'It takes a peer from anywhere by a key, in Main mode: all tunnels that do so at one address of ours must have the same key, and each who has it can pose as any other. Certificates do without.'

/** A pair that covers every address would route all the host's traffic into the tunnel. */
const ITS_OWN_ADDRESS =
  'the peer comes from anywhere and asks for the address it then has, which no pair of networks can name here: write its network, or give it an address or a network of them (Mode Config)'

export const POOL_IS_NETWORK =
  'a pool is a network or one address here, such as 10.9.0.0/24 (mode-config)'

export const RAW_KEYS =
  'public keys without certificates are not taken here: give both ends certificates, or a pre-shared key (authby=secret)'

export const NO_SCRIPTS = 'no scripts are run; routes and carrier follow the tunnel (interface)'

/** `said` is what loads a connection and begins nothing. */
export function waitsForPeer(said: string): string {
  return `It waits for the peer to begin, as ${said} did: causeway up with its name begins once, start: always keeps it up.`
}

export const OWN_INTERFACE = 'each tunnel has an interface of its own here, which routes lead to'

export const ON_TOKEN =
  'keys on a smart card or token are not read here: give this gateway a certificate with a key in a file'

/** Whether a peer is written as a host name. */
export function isNamed(peer: string): boolean {
  return peer !== 'any' && isHostName(peer)
}

/** Why a network cannot be the address of the peer itself. */
export function addressUnsaid(peer: string): string {
  return peer === 'any' ? ITS_OWN_ADDRESS : ADDRESS_OF_NAME
}

const ADDRESS_OF_NAME =
  'its network is the address of the peer itself, which is looked up when the gateway runs: write its address in place of its name'

export const TRANSPORT_FROM_ANYWHERE =
  'transport mode needs the address of the peer: write a connection for each peer with its address'

/** The address of this host that a connection without one would be spoken from, where there is no choice. */
export function onlyAddress(addresses: readonly string[], peer: string): string | undefined {
  const wanted = peer.includes(':') ? 6 : 4
  const fitting = addresses
    .flatMap((one) => parseIp(one) ?? [])
    .filter((one) => ipFamily(one) === wanted && !/^(?:fe[89ab]|169\.254\.)/.test(one))
  return fitting.length === 1 ? fitting[0] : undefined
}

export function addressOfHost(address: string): string {
  return `Our address is not written: ${address} is taken, the only one of this host. Away from the gateway say --our-address.`
}

/** `where` is what would say our address. */
export function ourAddressUnsaid(where: string): string {
  return `our network is our own address, which is not said: --our-address ADDRESS says it, or ${where}`
}

/** They write names as encoded, the broadest part first; we as RFC 4514 §2.1 has it, the other way round. */
function turnedName(text: string): string {
  const separator = text.startsWith('/') ? '/' : ','
  const parts: string[] = []
  let part = ''
  let isQuoted = false
  for (const char of text.startsWith('/') ? text.slice(1) : text) {
    if (char === '"') isQuoted = !isQuoted
    if (char === separator && !isQuoted) {
      parts.push(part)
      part = ''
    } else part += char
  }
  return [...parts, part]
    .map((one) => one.trim())
    .reverse()
    .join(', ')
}

function identityText(text: string): string | undefined {
  const identity = parseIdentity(text)
  return isTextProblem(identity) ? undefined : formatIdentity(identity)
}
