import { parseIp } from '#bytes/ip'
import { givenAddresses, partOfPool } from './inside-addresses.ts'
import type { IpsecEnds } from './ipsec-conf.ts'
import { type Family, nameOf } from './ipsec-family.ts'
import type { IpsecSetting } from './ipsec-lines.ts'
import { readEspProposals } from './proposal-text.ts'
import {
  addressUnsaid,
  filledIn,
  isYes,
  LIBRESWAN_FILLS_IN,
  ourAddressUnsaid,
  POOL_IS_NETWORK,
  secondsOf,
  swanSelector,
  swanTime,
  TRANSPORT_FROM_ANYWHERE,
  waitsForPeer,
} from './swan-values.ts'
import { networkPair, type Side, trafficText } from './traffic.ts'
import type { TunnelImport } from './tunnel-import.ts'

type Conn = ReadonlyMap<string, IpsecSetting>

/** Phase 2, networks, mode and start of a connection. @returns why it is no tunnel of ours */
export function importIpsecTraffic(
  tunnel: TunnelImport,
  conn: Conn,
  own: 'left' | 'right',
  ends: IpsecEnds,
  family: Family,
): string | undefined {
  const type = conn.get('type')
  if (type !== undefined && /^transport$/i.test(type.value)) tunnel.set('mode', 'transport', type)
  else if (type !== undefined) tunnel.same(type)
  return (
    networks(tunnel, conn, own, ends, family) ?? phase2(tunnel, conn, family) ?? start(tunnel, conn)
  )
}

function networks(
  tunnel: TunnelImport,
  conn: Conn,
  own: 'left' | 'right',
  { local, peer }: IpsecEnds,
  family: Family,
): string | undefined {
  const other = own === 'left' ? 'right' : 'left'
  const used: IpsecSetting[] = []
  const inside = insideAddresses(tunnel, conn, own, other)
  const isTransport = tunnel.value('mode') === 'transport'
  const sides = (side: 'left' | 'right', address: string | undefined): readonly Side[] | string => {
    const plural = family === 'libreswan' ? conn.get(`${side}subnets`) : undefined
    const subnet = plural ?? conn.get(`${side}subnet`)
    const protoport = conn.get(`${side}protoport`)
    const traffic = protoport === undefined ? '' : trafficText(protoport.value)
    if (traffic === undefined) return `${protoport?.key}=${protoport?.value}: no protocol and port`
    for (const one of [subnet, protoport]) if (one !== undefined) used.push(one)
    const [first, ...others] = (subnet?.value ?? '%dynamic')
      .replace(/^\{|\}$/g, '')
      .split(plural === undefined ? ',' : /[\s,]+/)
      .filter((one) => one.trim() !== '')
    const wanted = plural === undefined ? [first ?? '%dynamic'] : [first ?? '%dynamic', ...others]
    if (plural === undefined && others.length > 0 && subnet !== undefined)
      tunnel.leave(subnet, `${others.join(', ')}: IKEv1 sends the first only`)
    const ranges = wanted.map((one) => one.trim().replace(/^vhost:.*|^%priv.*/, '%dynamic'))
    if (address === undefined && ranges.some((range) => /^(?:$|%?dynamic)/.test(range)))
      return side === own ? ourAddressUnsaid(`${side}=`) : (inside.why ?? addressUnsaid(peer))
    const read = ranges.map((range) => {
      const found = swanSelector(range, address ?? '')
      if (found === undefined) return undefined
      return found.traffic === '' ? { ...found, traffic } : found
    })
    const known = read.filter((one) => one !== undefined)
    return known.length === read.length
      ? known
      : `${side}subnet=${subnet?.value}: it could not be read`
  }
  const ours = sides(own, inside.ours ?? local)
  if (typeof ours === 'string') return ours
  if (isTransport && peer === 'any') return TRANSPORT_FROM_ANYWHERE
  const bare = ['left', 'right'].every((side) =>
    ['subnet', 'subnets', 'protoport'].every((key) => !conn.has(`${side}${key}`)),
  )
  // The two gateways themselves, as it is here where nothing is said.
  if (isTransport && bare && parseIp(peer) === undefined) return undefined
  const theirs = sides(other, inside.theirs ?? parseIp(peer))
  if (typeof theirs === 'string') return theirs
  const inner = conn.get(`${own}vti`) ?? conn.get(`${own}interface-ip`)
  if (inner !== undefined && givenAddresses(inner.value) !== undefined)
    tunnel.set('interface.address', inner.value, inner)
  const theirInner = conn.get(`${other}vti`) ?? conn.get(`${other}interface-ip`)
  if (theirInner !== undefined) tunnel.same(theirInner, 'the address of the peer inside')
  const pairs: string[] = []
  for (const mine of ours) {
    for (const yours of theirs) {
      const pair = networkPair(mine, yours)
      if ('why' in pair) return pair.why
      if (!pairs.includes(pair.pair)) pairs.push(pair.pair)
    }
  }
  if (pairs.length > 256) return `${pairs.length} pairs of networks are too many`
  const isGiven = (inside.ours ?? inside.theirs) !== undefined
  if (!isGiven && pairs.every((pair) => pair === '0.0.0.0/0 <-> 0.0.0.0/0')) {
    tunnel.set('networks', 'any', ...used)
    tunnel.assume('interface.routes', [], 'nothing is routed yet')
    tunnel.remark('Everything goes through the tunnel by its selectors: set interface.routes.')
  } else tunnel.set('networks', pairs, ...used)
  return undefined
}

/** What Mode Config gives, or why it cannot: `any` stands for it on the side of the one that gets it. */
function insideAddresses(
  tunnel: TunnelImport,
  conn: Conn,
  own: 'left' | 'right',
  other: 'left' | 'right',
): { readonly ours?: string; readonly theirs?: string; readonly why?: string } {
  const [mine, theirs] = [conn.get(`${own}sourceip`), conn.get(`${other}sourceip`)]
  const [client, server] = [conn.get(`${own}modecfgclient`), conn.get(`${own}modecfgserver`)]
  const pull = conn.get('modecfgpull')
  const push = conn.get('modeconfig')
  const method = () => {
    const isPush = push !== undefined && /^push$/i.test(push.value)
    if (isPush || (pull !== undefined && !isYes(pull.value)))
      tunnel.set('mode-config.method', 'push', ...[push, pull].filter((one) => one !== undefined))
    for (const side of [own, other]) {
      for (const key of ['modecfgclient', 'modecfgserver']) {
        const setting = conn.get(`${side}${key}`)
        if (setting !== undefined) tunnel.take('mode-config.role', setting)
      }
    }
    for (const one of [push, pull]) if (one !== undefined) tunnel.same(one, 'pull is the default')
  }
  if (mine?.value.startsWith('%') || (client !== undefined && isYes(client.value))) {
    const origins = [mine, client].filter((one) => one !== undefined)
    tunnel.set('mode-config.role', 'client', ...origins)
    method()
    return { ours: 'any' }
  }
  if (mine !== undefined) tunnel.leave(mine, 'an address to send from is interface.address here')
  const pool = theirs ?? conn.get(`${other}addresspool`)
  const [range = '', ...more] = (pool?.value ?? '').split(',').map((one) => one.trim())
  if (
    pool === undefined ||
    !(theirs !== undefined || (server !== undefined && isYes(server.value)))
  )
    return {}
  const given = givenAddresses(range)
  if (given === undefined) {
    tunnel.leave(pool, POOL_IS_NETWORK)
    return { why: `${pool.key}=${pool.value}: ${POOL_IS_NETWORK}` }
  }
  tunnel.set('mode-config.role', 'server', pool)
  tunnel.set(given.key, given.value, pool)
  if (given.isPart) tunnel.remark(partOfPool(given, range))
  if (more.length > 0) tunnel.leave(pool, `${more.join(', ')}: not taken over`)
  const dns = conn.get(`${other}dns`) ?? conn.get('modecfgdns')
  if (dns !== undefined) tunnel.set('mode-config.dns', dns.value.split(/[\s,]+/).slice(0, 8), dns)
  method()
  return { theirs: 'any' }
}

function phase2(tunnel: TunnelImport, conn: Conn, family: Family): string | undefined {
  const protocol = conn.get('phase2') ?? conn.get('auth') ?? conn.get('ah')
  if (protocol !== undefined && /^ah/i.test(protocol.value)) return 'AH is not spoken here'
  if (protocol !== undefined) tunnel.same(protocol)
  const compress = conn.get('compress')
  if (compress !== undefined && isYes(compress.value))
    tunnel.leave(compress, 'IPComp is not spoken here')
  else if (compress !== undefined) tunnel.same(compress)
  const esp = conn.get('esp') ?? conn.get('phase2alg')
  const fill = family === 'libreswan' ? LIBRESWAN_FILLS_IN : undefined
  const read = esp === undefined ? undefined : readEspProposals(esp.value, fill)
  if (esp !== undefined && read !== undefined) {
    if (read.suites.length === 0)
      return `${esp.key}=: none of it can be here (${read.refused.join('; ')})`
    const [only = ''] = read.suites
    tunnel.set('phase2.propose', read.suites.length === 1 ? only : read.suites, esp)
    for (const why of read.refused) tunnel.leave(esp, why)
    if (read.filled.length > 0) tunnel.remark(filledIn(read.filled, esp.key))
    if (read.mixed)
      tunnel.remark('Its groups of PFS differ; IKEv1 has room for one: see phase2.pfs.')
  } else
    tunnel.remark('Phase 2 has the default proposals of Causeway, because esp= is not written.')
  pfs(tunnel, conn, family, read?.group)
  const lifetime = ['lifetime', 'keylife', 'salifetime', 'ipsec-lifetime'].flatMap(
    (key) => conn.get(key) ?? [],
  )[0]
  const time = lifetime && swanTime(lifetime.value)
  if (lifetime !== undefined && time !== undefined) tunnel.lifetime(2, secondsOf(time), lifetime)
  else
    tunnel.assume(
      'phase2.lifetime',
      family === 'libreswan' ? '8h' : '1h',
      `default of ${nameOf(family)}`,
    )
  const octets = conn.get('lifebytes')
  if (octets !== undefined && Number(octets.value) >= 64 * 2 ** 20)
    tunnel.set('phase2.volume', `${Math.floor(Number(octets.value) / 1024)}KB`, octets)
  const window = conn.get('replay-window') ?? conn.get('replay_window')
  if (window !== undefined && Number(window.value) % 32 === 0 && Number(window.value) <= 65_536)
    tunnel.set('replay-window', Number(window.value), window)
  return undefined
}

/** strongSwan: the group in `esp`, else none. libreswan: on unless `pfs=no`, and then the group of phase 1. */
function pfs(tunnel: TunnelImport, conn: Conn, family: Family, group: string | undefined): void {
  const stated = conn.get('pfs')
  const named = conn.get('pfsgroup')
  const origins = [stated, named].filter((one) => one !== undefined)
  if (stated !== undefined && !isYes(stated.value)) {
    tunnel.set('phase2.pfs', 'none', ...origins)
    return
  }
  const esp = conn.get('esp') ?? conn.get('phase2alg')
  if (group !== undefined) {
    tunnel.set('phase2.pfs', group, ...origins, ...(esp === undefined ? [] : [esp]))
  } else if (named !== undefined) tunnel.set('phase2.pfs', named.value, ...origins)
  else if (family === 'libreswan') {
    const first = [tunnel.value('phase1.propose') ?? []].flat()[0]
    const inherited = typeof first === 'string' ? first.split('-').at(-1) : undefined
    if (stated !== undefined) tunnel.take('phase2.pfs', stated)
    tunnel.assume('phase2.pfs', inherited ?? 'group14', 'the group of phase 1, as in libreswan')
  } else {
    if (stated !== undefined) tunnel.take('phase2.pfs', stated)
    tunnel.assume('phase2.pfs', 'none', 'no group in esp')
  }
}

function start(tunnel: TunnelImport, conn: Conn): undefined {
  const auto = conn.get('auto')
  if (tunnel.value('peer') === 'any') {
    if (auto !== undefined) tunnel.same(auto, 'with peer: any the peer begins')
    return undefined
  }
  const words: Readonly<Record<string, string>> = {
    start: 'always',
    up: 'always',
    keep: 'always',
    route: 'on-traffic',
    ondemand: 'on-traffic',
    add: 'respond',
  }
  const word = words[auto?.value.toLowerCase() ?? ''] ?? 'respond'
  if (auto === undefined) tunnel.assume('start', word, 'without auto= it is not even loaded')
  else tunnel.set('start', word, auto)
  if (word === 'respond')
    tunnel.remark(waitsForPeer(auto === undefined ? 'one without auto=' : `auto=${auto.value}`))
  if (auto !== undefined && /^ignore$/i.test(auto.value))
    tunnel.remark('auto=ignore: the connection was not in use.')
  return undefined
}
