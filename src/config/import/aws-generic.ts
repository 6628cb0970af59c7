import { parseIp } from '#bytes/ip'
import { formatEspSuite, formatIkeSuite, parseIkeSuite, parsePhase2 } from '#policy/proposal'
import { isTextProblem } from '#policy/text-problem'
import { secretOf } from '../key-text.ts'
import {
  type Imported,
  type ImportedTunnel,
  MOST_LINES,
  type Origin,
  type SkippedTunnel,
  type SourceText,
} from './imported.ts'
import { shownText } from './shown-text.ts'
import { TunnelImport, TunnelNames } from './tunnel-import.ts'

/** `- Key : Value` below a heading. */
type Fact = Origin & { readonly heading: string; readonly key: string; readonly value: string }

/** Reads the text AWS hands out for the vendor "Generic": both tunnels of a connection. */
export function importAwsGeneric(source: SourceText): Imported {
  const names = new TunnelNames()
  const tunnels: ImportedTunnel[] = []
  const skipped: SkippedTunnel[] = []
  const connection = /VPN Connection ID\s*:\s*(vpn-\w+)/.exec(source.text)?.[1] ?? 'aws'
  for (const { number, at, facts } of sectionsOf(source)) {
    const tunnel = new TunnelImport(names.fresh(`${connection}-${number}`), at)
    const why = importTunnel(tunnel, facts)
    if (why === undefined) tunnels.push(tunnel.done())
    else skipped.push({ name: tunnel.name, at, why })
  }
  return { format: 'aws', tunnels, skipped, notes: [], otherLines: 0 }
}

function importTunnel(tunnel: TunnelImport, facts: readonly Fact[]): string | undefined {
  const fact = (heading: RegExp, key: RegExp) =>
    facts.find((one) => heading.test(one.heading) && key.test(one.key))
  const version = fact(PHASE1, /^IKE version/i)
  if (version !== undefined && !/v?1\b/i.test(version.value) && /v?2/i.test(version.value))
    return 'IKEv2, which is not in this version of Causeway yet'
  const [peer, own] = [fact(OUTSIDE, GATEWAY), fact(OUTSIDE, CUSTOMER)]
  const address = parseIp(peer?.value ?? '')
  if (address === undefined || peer === undefined) return 'its outside address is not in the text'
  tunnel.assume('preset', 'aws', 'what AWS documents, where the text says nothing')
  const mode = fact(PHASE1, /Negotiation Mode/i)
  tunnel.set('ike', 'v1-main', ...[version, mode].filter((one) => one !== undefined))
  tunnel.set('peer', address, peer)
  const ours = parseIp(own?.value ?? '')
  if (own !== undefined && ours !== undefined) {
    tunnel.set('address', ours, own)
    tunnel.remark('Behind a NAT, address is the inside one and id the one that AWS has.')
  }
  const method = fact(PHASE1, /^Authentication Method/i)
  if (method !== undefined && !/pre-?shared/i.test(method.value))
    return 'certificates: write certificate: {own, key, trust, peer-id} by hand'
  const key = fact(PHASE1, /^Pre-?Shared Key/i)
  if (key !== undefined) tunnel.givePsk(secretOf(key.value), key)
  else tunnel.assume('psk', `file:keys/${tunnel.name}.psk`, 'not in the text')
  if (method !== undefined) tunnel.take('psk', method)
  phases(tunnel, fact)
  const inside = fact(INSIDE, CUSTOMER)
  tunnel.assume('networks', 'any', 'one SA pair a tunnel')
  if (inside !== undefined && /^[\d.]+\/\d+$/.test(inside.value))
    tunnel.set('interface.address', inside.value, inside)
  const mtu = fact(/./, /MTU/i)
  const octets = Number(/\d+/.exec(mtu?.value ?? '')?.[0])
  if (mtu !== undefined && octets >= 576 && octets <= 1_500)
    tunnel.set('interface.mtu', octets, mtu)
  tunnel.assume('interface.routes', [], 'nothing is routed yet')
  tunnel.remark(
    'Set interface.routes to the networks behind AWS in both tunnels: the second takes over when the first is down. With BGP leave them empty.',
  )
  const far = fact(INSIDE, GATEWAY)
  if (far !== undefined) tunnel.leave(far, 'the inside address of AWS: the neighbour of BGP')
  for (const one of facts) {
    if (/BGP|ASN|Hold Time|Neighbor/i.test(`${one.key} ${one.heading}`) && one !== mtu)
      tunnel.leave(one, 'BGP is spoken by a routing daemon of the host')
    if (/Next[ -]hop|Static Route/i.test(`${one.key} ${one.heading}`) && !/BGP/.test(one.heading))
      tunnel.leave(one, 'routes into the tunnel are interface.routes')
  }
  tunnel.account(facts, 'no equivalent here')
  return undefined
}

function phases(
  tunnel: TunnelImport,
  fact: (heading: RegExp, key: RegExp) => Fact | undefined,
): void {
  const said = (heading: RegExp) => ({
    hash: fact(heading, /^Authentication Algorithm/i),
    cipher: fact(heading, /^Encryption Algorithm/i),
    lifetime: fact(heading, /^Lifetime/i),
    group: fact(heading, /^(?:Diffie-Hellman|Perfect Forward Secrecy)/i),
  })
  const groupOf = (one: Fact | undefined) => /Group\s*(\d+)/i.exec(one?.value ?? '')?.[1]
  const one = said(PHASE1)
  const first = parseIkeSuite(
    `${one.cipher?.value ?? ''} ${one.hash?.value ?? ''} group${groupOf(one.group) ?? '2'}`,
  )
  const lines = [one.cipher, one.hash, one.group].filter((each) => each !== undefined)
  if (!isTextProblem(first)) tunnel.set('phase1.propose', formatIkeSuite(first), ...lines)
  else for (const line of lines) tunnel.leave(line, first.message)
  const two = said(PHASE2)
  const second = parsePhase2(`${two.cipher?.value ?? ''} ${two.hash?.value ?? ''}`)
  const alone = parsePhase2(two.cipher?.value ?? '')
  const suite = isTextProblem(second) ? alone : second
  const algorithms = [two.cipher, two.hash].filter((each) => each !== undefined)
  if (!isTextProblem(suite))
    tunnel.set('phase2.propose', formatEspSuite(suite.suite), ...algorithms)
  else for (const line of algorithms) tunnel.leave(line, suite.message)
  const pfs = groupOf(two.group)
  if (two.group !== undefined && pfs !== undefined)
    tunnel.set('phase2.pfs', `group${pfs}`, two.group)
  for (const [phase, line] of [
    [1, one.lifetime],
    [2, two.lifetime],
  ] as const) {
    const seconds = /\d+/.exec(line?.value ?? '')?.[0]
    if (line !== undefined && seconds !== undefined) tunnel.lifetime(phase, Number(seconds), line)
  }
  const every = fact(/./, /^DPD Interval/i)
  const tries = fact(/./, /^DPD Retries/i)
  const seconds = Number(every?.value)
  const count = Math.max(2, Number(tries?.value) || 3)
  if (every !== undefined && seconds >= 2 && seconds * count <= 86_400) {
    tunnel.deadPeer(seconds, seconds * count, every)
    if (tries !== undefined) tunnel.take('dead-peer.give-up-after', tries)
  }
  for (const same of [fact(PHASE2, /^Protocol/i), fact(PHASE2, /^Mode/i)])
    if (same !== undefined) tunnel.same(same)
}

const PHASE1 = /#1:.*Internet Key Exchange/i
const PHASE2 = /#2:.*IPSec Configuration/i
const OUTSIDE = /^Outside IP Addresses/i
const INSIDE = /^Inside IP Addresses/i
const CUSTOMER = /^Customer Gateway$/i
const GATEWAY = /^(?:Virtual Private Gateway|Transit Gateway|AWS|VPN Gateway)/i

type TunnelSection = { readonly number: string; readonly at: Origin; readonly facts: Fact[] }

function sectionsOf({ file, text }: SourceText): readonly TunnelSection[] {
  const sections: TunnelSection[] = []
  let heading = ''
  for (const [i, raw] of text.split(/\r?\n/).slice(0, MOST_LINES).entries()) {
    const line = raw.trim()
    const origin: Origin = { file, line: i + 1, text: shownText(raw) }
    const number = /^IPSec Tunnel #(\d+)/i.exec(line)?.[1]
    if (number !== undefined && sections.length < 16) {
      sections.push({ number, at: origin, facts: [] })
      heading = ''
      continue
    }
    const [, key, value] = /^-\s*([^:]+?)\s*:\s*(.*)$/.exec(line) ?? []
    if (key !== undefined && value !== undefined && value !== '')
      sections.at(-1)?.facts.push({ ...origin, heading, key, value })
    else if (/^#\d+:|^(?:Outside|Inside) IP Addresses/i.test(line)) heading = line
  }
  return sections
}
