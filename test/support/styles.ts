import { ip } from '#bytes/ip'
import { Secret } from '#bytes/secret'
import type { TunnelConfig, Xauth } from '#config/config'
import { ExchangeType } from '#iana/isakmp'
import type { TrustAnchors } from '#pki/verify-peer'
import { opensslEcdsa } from '#platform/openssl-ecdsa'
import type { Identity } from '#policy/identity'
import { type SelectorPair, selectorFromPrefix } from '#policy/traffic-selector'
import type { Rehearsal, Sent, Side } from '#rehearsal/rehearsal'
import { FIXED_PKI, type FixedPki } from './fixed-pki.ts'
import { type Holder, TODAY } from './sample-pki.ts'
import { type Sites, sites } from './sites.ts'

/** A way for two sites to prove themselves and to agree, beside Main mode with a key. */
export type Style = {
  readonly a: Partial<TunnelConfig>
  readonly b: Partial<TunnelConfig>
  /** Whether b gives a its address: a's side of all networks. */
  readonly gives?: boolean
  /** Who sets the commit bit in all of its Quick modes. */
  readonly commits?: Side
}

/** @param changes of both sides, networks as a sees them */
export function stylishSites(
  { a, b, gives }: Style,
  changes: Partial<TunnelConfig> = {},
  changesOfA: Partial<TunnelConfig> = {},
  changesOfB: Partial<TunnelConfig> = {},
): Sites {
  const plain = sites(changes, { ...a, ...changesOfA }, { ...b, ...changesOfB })
  const networks = plain.a.tunnels[0]?.networks ?? []
  if (gives !== true) return plain
  return sites(
    changes,
    { ...a, ...changesOfA, networks: networks.map(asking) },
    { ...b, ...changesOfB, networks: networks.map(giving) },
  )
}

/** Lets a rehearsal judge the certificates of these styles. */
export function readyFor({ gateways }: Rehearsal): void {
  for (const side of [gateways.a, gateways.b]) {
    side.date = TODAY
    side.bareEcdsa = ECDSA
  }
}

/** What a style does to a message on its way; no hash covers the header's flags. */
export function styled({ commits }: Style, { side, octets }: Sent): Uint8Array {
  if (side !== commits || octets[EXCHANGE_AT] !== QUICK_MODE) return octets
  const changed = octets.slice()
  changed[FLAGS_AT] = (changed[FLAGS_AT] ?? 0) | COMMIT
  return changed
}

export function styles(): Readonly<Record<string, Style>> {
  const own = certificates(FIXED_PKI.rsa1024)
  const none: Style = { a: {}, b: {} }
  return {
    'Main mode with a key': none,
    'Aggressive mode with a key': { a: AGGRESSIVE, b: AGGRESSIVE },
    'RSA certificates': own,
    'ECDSA certificates': certificates(FIXED_PKI.p256),
    'Aggressive mode with RSA certificates': {
      a: { ...own.a, ...AGGRESSIVE },
      b: { ...own.b, ...AGGRESSIVE },
    },
    'a logs in to b': { a: { xauth: LOGIN }, b: { xauth: LOGINS } },
    'b logs in to a, Aggressive mode': {
      a: { ...AGGRESSIVE, xauth: LOGINS },
      b: { ...AGGRESSIVE, xauth: LOGIN },
    },
    'b gives a its address': { a: { modeConfig: TAKES }, b: { modeConfig: GIVES }, gives: true },
    'b gives a its address unasked, behind a login': {
      a: { xauth: LOGIN, modeConfig: { ...TAKES, method: 'push' } },
      b: { xauth: LOGINS, modeConfig: { ...GIVES, method: 'push' } },
      gives: true,
    },
    'hybrid authentication': hybrid(FIXED_PKI.rsa1024),
    'a sets the commit bit': { ...none, commits: 'a' },
    'b sets the commit bit': { ...none, commits: 'b' },
  }
}

const EXCHANGE_AT = 18
const FLAGS_AT = 19
const COMMIT = 0x02
const QUICK_MODE = ExchangeType.number('QUICK-MODE')
const ECDSA = opensslEcdsa()
const AGGRESSIVE = { ike: 'v1-aggressive' } as const
const NAME: Identity = { kind: 'fqdn', name: 'gw.example.net' }

const password = new Secret(new TextEncoder().encode('open sesame'))
const LOGIN: Xauth = { role: 'client', user: 'branch', password }
const LOGINS: Xauth = { role: 'server', users: [{ user: 'branch', password }] }

const ADDRESSES = [ip('10.9.0.7'), ip('2001:db8:9::7')]
const TAKES = { role: 'client', method: 'pull' } as const
const GIVES = {
  role: 'server',
  method: 'pull',
  addresses: ADDRESSES,
  dns: [],
  networks: [],
} as const

function asking({ remote }: SelectorPair): SelectorPair {
  return { local: selectorFromPrefix(ip(remote.family === 4 ? '0.0.0.0' : '::'), 0), remote }
}

function giving({ remote }: SelectorPair): SelectorPair {
  const [ipv4, ipv6] = ADDRESSES
  return {
    local: remote,
    remote: selectorFromPrefix((remote.family === 4 ? ipv4 : ipv6) ?? ip('::')),
  }
}

function certificates({ ca, a, b }: FixedPki): Style {
  const by = ({ certificate, key }: Holder): Partial<TunnelConfig> => ({
    authentication: { kind: 'certificate', own: [certificate], key, ...trusting(ca) },
    localId: NAME,
    remoteId: NAME,
  })
  return { a: by(a), b: by(b) }
}

function hybrid({ ca, b: { certificate, key } }: FixedPki): Style {
  return {
    a: {
      authentication: { kind: 'hybrid-client', ...trusting(ca) },
      remoteId: NAME,
      xauth: LOGIN,
    },
    b: {
      authentication: { kind: 'hybrid-server', own: [certificate], key },
      localId: NAME,
      xauth: LOGINS,
    },
  }
}

function trusting(ca: FixedPki['ca']): TrustAnchors {
  return {
    trust: [ca],
    revocation: { crl: 'off', ocsp: 'off' },
    crls: [],
    leastRsaBits: 1_024,
  }
}
