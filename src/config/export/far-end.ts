import type { IpAddress } from '#bytes/ip'
import type { Identity } from '#policy/identity'
import { formatIdentity } from '#policy/identity'
import { addressOfPeer } from '#policy/peer-address'
import type { EspSuite, IkeSuite, Pfs } from '#policy/proposal'
import { mirror, type SelectorPair } from '#policy/traffic-selector'
import type { InterfaceAddress, TunnelConfig } from '../config.ts'
import { keyText } from '../key-text.ts'

/** A tunnel of ours as the other gateway has to have it: `local` is theirs, `remote` is ours. */
export type FarEnd = {
  readonly name: string
  /** Undefined where ours waits for a peer from anywhere, or looks its name up. */
  readonly local: IpAddress | undefined
  /** The host name that leads to it. */
  readonly hostName?: string
  readonly remote: IpAddress
  readonly localId: Identity
  readonly remoteId: Identity
  /** Whether each is just the address, as every gateway sends it by itself. */
  readonly isLocalIdAddress: boolean
  readonly isRemoteIdAddress: boolean
  readonly isAggressive: boolean
  readonly isPsk: boolean
  /** The key, or what stands in its place. */
  readonly key: string
  readonly phase1: { readonly suites: readonly IkeSuite[]; readonly seconds: number }
  readonly phase2: {
    readonly suites: readonly EspSuite[]
    readonly pfs: Pfs
    readonly seconds: number
    readonly kilobytes?: number
  }
  readonly pairs: readonly SelectorPair[]
  readonly isTransport: boolean
  /** Everything is agreed on, and routes decide. */
  readonly isRouteBased: boolean
  /** An address for their tunnel interface, where ours has one in a network of two. */
  readonly innerAddress?: InterfaceAddress
  readonly mtu?: number
  readonly start: 'begins' | 'on-traffic' | 'waits'
  readonly isEncapsulationForced: boolean
  /** Seconds. */
  readonly probeEvery: number
  readonly giveUpAfter: number
  /** What no configuration text can do, for whoever types it in. */
  readonly byHand: readonly string[]
}

/** What stands where a key belongs. */
export const KEY_PLACEHOLDER = 'PRE-SHARED-KEY'
/** The same for an identity that theirs may choose. */
const IDENTITY_PLACEHOLDER = 'YOUR-IDENTITY'

export function farEnd(tunnel: TunnelConfig, { showSecrets }: { showSecrets: boolean }): FarEnd {
  const { authentication, peer, peerName, local, localId, remoteId, networks, start } = tunnel
  const pairs = networks.map(mirror)
  const isPsk = authentication.kind === 'psk'
  const shown =
    authentication.kind === 'psk' && showSecrets ? keyText(authentication.psk) : undefined
  const isRouteBased =
    tunnel.routes !== undefined && pairs.every(({ local: side }) => isEverything(side))
  const inner = innerAddress(tunnel.addresses?.[0])
  return {
    name: tunnel.name,
    local: addressOfPeer(tunnel),
    ...(peerName === undefined ? {} : { hostName: peerName.name }),
    remote: local,
    localId: identityOf(remoteId),
    remoteId: localId,
    isLocalIdAddress:
      peerName?.isIdentity === true || (remoteId.kind === 'address' && remoteId.address === peer),
    isRemoteIdAddress: localId.kind === 'address' && localId.address === local,
    isAggressive: tunnel.ike === 'v1-aggressive',
    isPsk,
    key: shown ?? KEY_PLACEHOLDER,
    phase1: { suites: tunnel.phase1.suites, seconds: tunnel.phase1.lifetime.seconds },
    phase2: { ...tunnel.phase2, ...tunnel.phase2.lifetime },
    pairs,
    isTransport: tunnel.mode === 'transport',
    isRouteBased,
    ...(inner === undefined ? {} : { innerAddress: inner }),
    ...(tunnel.mtu === undefined ? {} : { mtu: tunnel.mtu }),
    start: start === 'respond' ? 'begins' : start === 'on-traffic' ? 'on-traffic' : 'waits',
    isEncapsulationForced: tunnel.encapsulation === 'force',
    probeEvery: tunnel.deadPeer.probeEvery / 1000,
    giveUpAfter: tunnel.deadPeer.giveUpAfter / 1000,
    byHand: byHand(tunnel, { isPsk, isKeyShown: shown !== undefined, showSecrets, isRouteBased }),
  }
}

/** Whether the identity is an address that only the other end knows: then it sends it by itself. */
export function sendsOwnAddress({ isLocalIdAddress, local }: FarEnd): boolean {
  return isLocalIdAddress && local === undefined
}

function byHand(
  { authentication, xauth, modeConfig, remoteId, localId, peer, peerName }: TunnelConfig,
  about: {
    readonly isPsk: boolean
    readonly isKeyShown: boolean
    readonly showSecrets: boolean
    readonly isRouteBased: boolean
  },
): readonly string[] {
  const steps: string[] = []
  if (remoteId.kind === 'any-of')
    steps.push(`${IDENTITY_PLACEHOLDER} is any name of yours; write it in its place.`)
  if (about.isPsk && !about.isKeyShown) {
    steps.push(
      about.showSecrets
        ? `The key is not printable text and must be entered where ${KEY_PLACEHOLDER} stands.`
        : `Put the key where ${KEY_PLACEHOLDER} stands; send it by another way than this text.`,
    )
  }
  if (!about.isPsk) {
    steps.push(
      `Certificates: yours must vouch for ${formatIdentity(identityOf(remoteId))}; ours says ${formatIdentity(localId)}. Exchange the CAs.`,
    )
    if (authentication.kind !== 'certificate')
      steps.push('Hybrid authentication: only the server has a certificate, the client logs in.')
  }
  if (xauth !== undefined)
    steps.push(
      xauth.role === 'client'
        ? `XAUTH: ask us for a user name and password; ours is ${xauth.user}.`
        : 'XAUTH: log in with the user name and password you were given.',
    )
  if (modeConfig !== undefined)
    steps.push(
      modeConfig.role === 'client'
        ? 'Mode Config: give us an address inside your network.'
        : 'Mode Config: take the address we give.',
    )
  if (peer === 'any')
    steps.push(
      'Your address is not known to us: yours is the end that begins, from wherever it is.',
    )
  if (peerName !== undefined)
    steps.push(
      `We find your gateway by its host name, ${peerName.name}: have it lead to your address, and follow it when that changes.`,
    )
  if (about.isRouteBased)
    steps.push(
      'Route what is behind us into the tunnel interface; what that is is not in this file.',
    )
  return steps
}

function identityOf(expected: TunnelConfig['remoteId']): Identity {
  return expected.kind === 'any-of' ? { kind: 'fqdn', name: IDENTITY_PLACEHOLDER } : expected
}

/** The other address of a /30 or /31. */
function innerAddress(ours: InterfaceAddress | undefined): InterfaceAddress | undefined {
  if (ours === undefined || ours.address.includes(':') || ours.bits < 30 || ours.bits > 31)
    return undefined
  const octets = ours.address.split('.').map(Number)
  const last = octets[3] ?? 0
  // In a /30 the two hosts are 1 and 2 of four; in a /31 they are all there is.
  const other = ours.bits === 31 ? last ^ 1 : last % 4 === 1 ? last + 1 : last - 1
  return { address: [...octets.slice(0, 3), other].join('.') as IpAddress, bits: ours.bits }
}

function isEverything({ start, end, protocol }: SelectorPair['local']): boolean {
  const whole =
    (start === '0.0.0.0' && end === '255.255.255.255') ||
    (start === '::' && end.startsWith('ffff:ffff'))
  return whole && protocol === 0
}
