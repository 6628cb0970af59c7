import { type IpAddress, ip } from '#bytes/ip'
import { Secret } from '#bytes/secret'
import { encryption, integrity } from '#crypto/registry'
import type { DataPlaneTunnel } from '#dataplane/port'
import { type EspEncapsulation, espSpi, type InboundSa, type OutboundSa } from '#esp/sa'
import type { EspSuite } from '#policy/proposal'
import { DataPlaneProcess, type Workers } from '../test/support/data-plane-process.ts'
import type { Contender, Way } from './contender.ts'
import { inner, outer, type Pair } from './namespaces.ts'

type Variant = {
  readonly name: string
  readonly suite: EspSuite
  readonly encapsulation: EspEncapsulation
}

const aead = (name: EspSuite['encryption']): EspSuite => ({
  encryption: name,
  integrity: 'none',
  esn: true,
})

/** The first is what the targets are about. */
const VARIANTS: readonly Variant[] = [
  { name: 'causeway', suite: aead('aes128-gcm16'), encapsulation: 'udp' },
  { name: 'causewayNative', suite: aead('aes128-gcm16'), encapsulation: 'native' },
  { name: 'causewayAes256Gcm', suite: aead('aes256-gcm16'), encapsulation: 'udp' },
  { name: 'causewayChaCha20', suite: aead('chacha20poly1305'), encapsulation: 'udp' },
  {
    name: 'causewayAes128CbcSha256',
    suite: { encryption: 'aes128-cbc', integrity: 'hmac-sha256-128', esn: true },
    encapsulation: 'udp',
  },
]

/** Our own data plane, one process on each side with a tunnel for each variant; keys are set by hand, nothing is negotiated. */
export function causeway(variants: readonly string[], workers: Workers = 1): Contender {
  const chosen = VARIANTS.filter(({ name }) => variants.includes(name))
  return {
    name: 'causeway',
    addresses: chosen.length,
    async start(pair, first) {
      const a = new DataPlaneProcess(pair.a, workers)
      const b = new DataPlaneProcess(pair.b, workers)
      for (const [plane, site] of [
        [a, 'a'],
        [b, 'b'],
      ] as const) {
        const other = site === 'a' ? 'b' : 'a'
        const tunnels = chosen.map(({ name }, index): DataPlaneTunnel => {
          const at = first + index
          return {
            name,
            interfaceName: `cw-${index}`,
            local: ip(outer(at)[site]),
            remote: ip(outer(at)[other]),
            mode: 'tunnel',
            pairs: [{ local: single(inner(at)[site]), remote: single(inner(at)[other]) }],
            addresses: [{ address: ip(inner(at)[site]), bits: 32 }],
            acquire: false,
          }
        })
        const localAddresses = tunnels.map(({ local }) => local as IpAddress)
        await plane.configure({ localAddresses, tunnels })
      }
      for (const [index, variant] of chosen.entries()) {
        const { atA, atB } = sas(variant, first + index, index)
        for (const sa of atA) await a.install(sa)
        for (const sa of atB) await b.install(sa)
      }
      const pids = [a.process.pid ?? 0, b.process.pid ?? 0]
      return chosen.map(({ name }, index) => way(name, pair, first + index, pids))
    },
  }
}

/** The first of them with a thread for each direction (docs/decisions/0008). */
export const causewayTwoThreads: Contender = {
  name: 'causewayTwoThreads',
  addresses: 1,
  async start(pair, first) {
    const ways = await causeway(['causeway'], 2).start(pair, first)
    return ways.map((one) => ({ ...one, name: 'causewayTwoThreads' }))
  },
}

export function way(name: string, pair: Pair, address: number, pids: readonly number[]): Way {
  return { name, pair, from: inner(address).a, to: inner(address).b, pids }
}

function sas({ name, suite, encapsulation }: Variant, address: number, index: number) {
  const { keyOctets, saltOctets } = encryption(suite.encryption)
  const macOctets = suite.integrity === 'none' ? 0 : integrity(suite.integrity).keyOctets
  const one = (octet: number) => ({
    spi: espSpi(0x1000_0000 + octet),
    child: { tunnel: name, pair: 0 },
    suite,
    mode: 'tunnel' as const,
    encapsulation,
    encryptionKey: new Secret(new Uint8Array(keyOctets + saltOctets).fill(octet)),
    integrityKey: new Secret(new Uint8Array(macOctets).fill(octet)),
  })
  const [ab, ba] = [one(index * 2 + 1), one(index * 2 + 2)]
  const ends = (site: 'a' | 'b') => {
    const other = site === 'a' ? 'b' : 'a'
    return {
      local: { address: ip(outer(address)[site]), port: 4500 },
      remote: { address: ip(outer(address)[other]), port: 4500 },
      selectors: { local: single(inner(address)[site]), remote: single(inner(address)[other]) },
    }
  }
  const at = (
    site: 'a' | 'b',
    into: typeof ab,
    out: typeof ab,
  ): readonly (InboundSa | OutboundSa)[] => [
    { ...into, ...ends(site), direction: 'inbound', replayWindow: 4096 },
    { ...out, ...ends(site), direction: 'outbound' },
  ]
  return { atA: at('a', ba, ab), atB: at('b', ab, ba) }
}

function single(address: string) {
  return {
    family: 4 as const,
    protocol: 0,
    start: ip(address),
    end: ip(address),
    startPort: 0,
    endPort: 0xffff,
  }
}
