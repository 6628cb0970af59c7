import { parseIp } from '#bytes/ip'
import { readEspProposals } from './proposal-text.ts'
import type { Section, Setting } from './settings.ts'
import {
  addressUnsaid,
  isNamed,
  isYes,
  NO_SCRIPTS,
  OWN_INTERFACE,
  ourAddressUnsaid,
  secondsOf,
  swanSelector,
  swanTime,
  TRANSPORT_FROM_ANYWHERE,
  waitsForPeer,
} from './swan-values.ts'
import type { InsideAddresses } from './swanctl-pools.ts'
import { networkPair } from './traffic.ts'
import type { TunnelImport } from './tunnel-import.ts'

/** The children of a connection as `phase2`, `networks`, `mode` and `start`. @returns why they are no tunnel of ours */
export function importChildren(
  tunnel: TunnelImport,
  connection: Section,
  ends: { readonly local: string | undefined; readonly peer: string },
  inside: InsideAddresses,
): string | undefined {
  const children = [...(connection.sections.get('children')?.sections.values() ?? [])]
  const first = children.map(modeOf).find((mode) => /^(?:tunnel|transport)$/.test(mode))
  const usable = children.filter((child) => {
    const ah = child.settings.get('ah_proposals')
    const mode = modeOf(child)
    if (ah !== undefined) tunnel.leave(ah, `${child.name}: AH is not spoken here`)
    else if (!/^(?:tunnel|transport)$/.test(mode))
      tunnel.leave(child.at, `mode ${mode} is not here`)
    else if (mode !== first)
      tunnel.leave(child.at, `a tunnel has one mode, and ${child.name} has ${mode}`)
    else return true
    for (const setting of child.settings.values()) {
      if (setting !== ah) tunnel.leave(setting, `${child.name} is left out`)
    }
    return false
  })
  if (usable.length === 0)
    return children.length === 0
      ? 'it has no children'
      : `none of its children can be here: ${children.map(unusable).join(', ')}`
  const pairs: string[] = []
  const origins: Setting[] = []
  // The two gateways themselves, as it is here where nothing is said.
  const isBare = first === 'transport' && isNamed(ends.peer) && !usable.some(saysNetworks)
  for (const child of isBare ? [] : usable) {
    const pair = networksOf(tunnel, child, ends, inside)
    if (typeof pair !== 'string') return pair.why
    const stated = ['local_ts', 'remote_ts'].flatMap((key) => child.settings.get(key) ?? [])
    if (pairs.includes(pair)) for (const one of stated) tunnel.same(one, 'the same pair again')
    else {
      pairs.push(pair)
      origins.push(...stated)
    }
  }
  const modes = usable.flatMap(({ settings }) => settings.get('mode') ?? [])
  const isTransport = first === 'transport'
  for (const mode of modes) {
    if (isTransport) tunnel.set('mode', 'transport', mode)
    else tunnel.same(mode)
  }
  const everything = ['0.0.0.0/0 <-> 0.0.0.0/0', '::/0 <-> ::/0']
  const isGiven = (inside.ours ?? inside.theirs) !== undefined
  if (!isTransport && !isGiven && pairs.every((pair) => everything.includes(pair))) {
    tunnel.set('networks', 'any', ...origins)
    tunnel.assume('interface.routes', [], 'nothing is routed yet')
    tunnel.remark('Everything goes through the tunnel by its selectors: set interface.routes.')
  } else if (!isBare) tunnel.set('networks', pairs, ...origins)
  const proposals = phase2(tunnel, usable)
  if (proposals !== undefined) return proposals
  start(tunnel, usable)
  rest(tunnel, usable)
  return undefined
}

function modeOf({ settings }: Section): string {
  return settings.get('mode')?.value.toLowerCase() ?? 'tunnel'
}

function saysNetworks({ settings }: Section): boolean {
  return ['local_ts', 'remote_ts'].some(
    (key) => !/^(?:%?dynamic)?$/.test(settings.get(key)?.value.trim() ?? ''),
  )
}

function unusable({ name, settings }: Section): string {
  if (settings.has('ah_proposals')) return `${name} is AH`
  return `${name} is of mode ${settings.get('mode')?.value}`
}

function networksOf(
  tunnel: TunnelImport,
  { name, settings }: Section,
  { local, peer }: { readonly local: string | undefined; readonly peer: string },
  inside: InsideAddresses,
): string | { readonly why: string } {
  const side = (key: 'local_ts' | 'remote_ts', own: string | undefined) => {
    const setting = settings.get(key)
    const [first = 'dynamic', ...others] = (setting?.value ?? 'dynamic').split(/\s*,\s*/)
    if (others.length > 0 && setting !== undefined)
      tunnel.leave(setting, `${others.join(', ')}: IKEv1 sends the first only, as strongSwan does`)
    if (own === undefined && /^(?:$|%?dynamic)/.test(first.trim()))
      return key === 'local_ts'
        ? ourAddressUnsaid('local_addrs')
        : (inside.why ?? addressUnsaid(peer))
    return swanSelector(first, own ?? '') ?? `${key} = ${first}: it could not be read`
  }
  const isTransport = /^transport$/i.test(settings.get('mode')?.value ?? '')
  if (isTransport && peer === 'any') return { why: `${name}: ${TRANSPORT_FROM_ANYWHERE}` }
  const ours = side('local_ts', inside.ours ?? local)
  const theirs = side('remote_ts', inside.theirs ?? parseIp(peer))
  if (typeof ours === 'string') return { why: `${name}: ${ours}` }
  if (typeof theirs === 'string') return { why: `${name}: ${theirs}` }
  const pair = networkPair(ours, theirs)
  return 'pair' in pair ? pair.pair : { why: `${name}: ${pair.why}` }
}

function phase2(tunnel: TunnelImport, children: readonly Section[]): string | undefined {
  const stated = children.flatMap(({ settings }) => settings.get('esp_proposals') ?? [])
  const isDefault = stated.every(({ value }) => /^default$/i.test(value.trim()))
  if (isDefault) {
    for (const one of stated) tunnel.same(one, 'the defaults of Causeway instead')
    tunnel.remark('Phase 2 has the default proposals of Causeway, without PFS.')
    tunnel.assume('phase2.pfs', 'none', 'no group in esp_proposals')
  } else {
    const read = stated.map((setting) => ({ setting, ...readEspProposals(setting.value) }))
    const suites = [...new Set(read.flatMap((one) => one.suites))].slice(0, 16)
    const refused = read.flatMap((one) => one.refused)
    if (suites.length === 0) return `esp_proposals: none can be here (${refused.join('; ')})`
    tunnel.set('phase2.propose', suites.length === 1 ? (suites[0] ?? '') : suites, ...stated)
    for (const { setting, refused: whys } of read) {
      for (const why of whys) tunnel.leave(setting, why)
    }
    if (new Set(stated.map(({ value }) => value)).size > 1)
      tunnel.remark('Its children have proposals of their own; here all are offered for each pair.')
    const groups = new Set(read.map(({ group }) => group))
    const [group] = groups
    tunnel.set('phase2.pfs', group ?? 'none', ...stated)
    if (groups.size > 1 || read.some(({ mixed }) => mixed))
      tunnel.remark(
        'The proposals of phase 2 differ in PFS; IKEv1 has room for one: see phase2.pfs.',
      )
  }
  const lifetimes = children.flatMap(({ settings }) => {
    const setting = settings.get('rekey_time') ?? settings.get('life_time')
    const time = setting && swanTime(setting.value)
    if (setting === undefined) return []
    if (time === undefined) {
      tunnel.leave(setting, 'Child SAs are always replaced here')
      return []
    }
    return [{ setting, time }]
  })
  const [shortest] = [...lifetimes].sort((a, b) => secondsOf(a.time) - secondsOf(b.time))
  if (shortest === undefined) tunnel.assume('phase2.lifetime', '1h', 'default of strongSwan')
  else tunnel.lifetime(2, secondsOf(shortest.time), ...lifetimes.map(({ setting }) => setting))
  for (const { settings } of children) {
    const octets = settings.get('rekey_bytes') ?? settings.get('life_bytes')
    const count = Number(octets?.value)
    if (octets === undefined) continue
    if (count >= 64 * 2 ** 20) tunnel.set('phase2.volume', `${Math.floor(count / 1024)}KB`, octets)
    else if (count === 0) tunnel.same(octets)
    else tunnel.leave(octets, 'less than 64 MB, the least here')
  }
  return undefined
}

function start(tunnel: TunnelImport, children: readonly Section[]): void {
  const stated = children.flatMap(({ settings }) => settings.get('start_action') ?? [])
  const words = stated.map(({ value }) => value)
  if (
    new Set(children.map(({ settings }) => settings.get('start_action')?.value ?? 'none')).size > 1
  )
    tunnel.remark('Its children begin each in another way; a tunnel has one: see start.')
  const traps = words.some((word) => /trap/.test(word))
  const begins = words.some((word) => /start/.test(word))
  const mode = begins ? 'always' : traps ? 'on-traffic' : 'respond'
  if (tunnel.value('peer') === 'any') {
    for (const one of stated) tunnel.same(one, 'with peer: any the peer begins')
    return
  }
  if (mode === 'respond') tunnel.remark(waitsForPeer('start_action = none'))
  if (stated.length === 0) tunnel.assume('start', mode, 'default of strongSwan: none')
  else tunnel.set('start', mode, ...stated)
}

function rest(tunnel: TunnelImport, children: readonly Section[]): void {
  for (const { settings } of children) {
    for (const [key, why] of Object.entries(ELSEWHERE)) {
      const setting = settings.get(key)
      if (setting !== undefined) tunnel.same(setting, why)
    }
    const window = settings.get('replay_window')
    const packets = Number(window?.value)
    if (window !== undefined && packets % 32 === 0 && packets <= 65_536)
      tunnel.set('replay-window', packets, window)
    const updown = settings.get('updown')
    if (updown !== undefined) tunnel.leave(updown, NO_SCRIPTS)
    const ipcomp = settings.get('ipcomp')
    if (ipcomp !== undefined && !isYes(ipcomp.value)) tunnel.same(ipcomp)
    else if (ipcomp !== undefined) tunnel.leave(ipcomp, 'IPComp is not spoken here')
  }
}

const ELSEWHERE: Readonly<Record<string, string>> = {
  close_action: 'start says it here',
  dpd_action: 'start says it here',
  hostaccess: 'the packet filter of the host decides',
  policies: 'the interface of the tunnel does it',
  life_time: 'the end comes from the lifetime',
  life_bytes: 'the end comes from the volume',
  rand_time: 'rekeys are spread here anyway',
  rand_bytes: 'rekeys are spread here anyway',
  copy_df: 'the interface has an MTU of its own',
  if_id_in: OWN_INTERFACE,
  if_id_out: OWN_INTERFACE,
  mark_in: OWN_INTERFACE,
  mark_out: OWN_INTERFACE,
  set_mark_in: OWN_INTERFACE,
  set_mark_out: OWN_INTERFACE,
  interface: OWN_INTERFACE,
  priority: 'in one tunnel the first pair that fits takes a packet',
  reqid: OWN_INTERFACE,
}
