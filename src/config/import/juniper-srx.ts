import { parseIp } from '#bytes/ip'
import { isHost } from '../host-name.ts'
import { secretOf } from '../key-text.ts'
import {
  type Imported,
  type ImportedTunnel,
  type ImportOptions,
  MOST_LINES,
  MOST_TUNNELS,
  type Note,
  type Origin,
  type SkippedTunnel,
  type SourceText,
} from './imported.ts'
import { readEspProposals, readIkeProposals } from './proposal-text.ts'
import { shownText } from './shown-text.ts'
import { networkPair, rangeText } from './traffic.ts'
import { TunnelImport, TunnelNames } from './tunnel-import.ts'

/** A statement with its whole path, from the `set` form or from braces. */
type Statement = Origin & { readonly path: readonly string[] }

/** Reads Junos, as `set` lines or with braces: a tunnel for each `security ipsec vpn`. */
export function importJuniperSrx(source: SourceText, { ourAddress }: ImportOptions): Imported {
  const statements = statementsIn(source)
  const device = new Device(statements)
  const names = new TunnelNames()
  const tunnels: ImportedTunnel[] = []
  const skipped: SkippedTunnel[] = []
  const used = new Set<Origin>()
  const vpns = device.namesBelow('security', 'ipsec', 'vpn')
  for (const name of vpns.slice(0, MOST_TUNNELS)) {
    const [at] = device.below('security', 'ipsec', 'vpn', name)
    if (at === undefined) continue
    const tunnel = new TunnelImport(names.fresh(name), at)
    const why = importVpn(tunnel, name, device, ourAddress)
    for (const one of device.below('security', 'ipsec', 'vpn', name)) used.add(one)
    if (why === undefined) {
      const done = tunnel.done()
      for (const { origin } of done.notes) used.add(origin)
      tunnels.push(done)
    } else skipped.push({ name, at, why })
  }
  const rest = statements.filter((one) => !used.has(one))
  const isOurs = ({ path }: Statement) =>
    path[0] === 'security' && /^(?:ike|ipsec)$/.test(path[1] ?? '')
  const notes = rest
    .filter(isOurs)
    .map((origin): Note => ({ origin, kind: 'left-out', why: 'not used by a tunnel that is here' }))
  return { format: 'juniper-srx', tunnels, skipped, notes, otherLines: rest.length - notes.length }
}

function importVpn(
  tunnel: TunnelImport,
  name: string,
  device: Device,
  ourAddress: string | undefined,
): string | undefined {
  const vpn = ['security', 'ipsec', 'vpn', name] as const
  const gatewayName = device.value(...vpn, 'ike', 'gateway')
  const gateway = ['security', 'ike', 'gateway', gatewayName ?? ''] as const
  const policy = [
    'security',
    'ike',
    'policy',
    device.value(...gateway, 'ike-policy') ?? '',
  ] as const
  const version = device.value(...gateway, 'version')
  if (version === 'v2-only') return 'version v2-only: IKEv2 is not in this version of Causeway yet'
  const peer = device.value(...gateway, 'address') ?? ''
  if (!isHost(peer)) return 'its gateway has no address'
  const isAggressive = device.value(...policy, 'mode') === 'aggressive'
  tunnel.set(
    'ike',
    isAggressive ? 'v1-aggressive' : 'v1-main',
    ...device.below(...policy, 'mode'),
    ...device.below(...gateway, 'version'),
  )
  tunnel.set(
    'peer',
    peer,
    ...device.below(...gateway, 'address'),
    ...device.below(...vpn, 'ike', 'gateway'),
    ...device.below(...gateway, 'ike-policy'),
  )
  const external = device.value(...gateway, 'external-interface') ?? ''
  const local =
    device.value(...gateway, 'local-address') ?? device.addressOf(external) ?? ourAddress
  const outside = [
    ...device.below(...gateway, 'external-interface'),
    ...device.below(...gateway, 'local-address'),
  ]
  if (local !== undefined) tunnel.set('address', local, ...outside)
  else {
    for (const one of outside) tunnel.take('address', one)
    tunnel.remark('Our address is not in this text: set gateway.address, or address here.')
  }
  const [first] = device.below(...policy, 'pre-shared-key')
  const key = device.value(...policy, 'pre-shared-key', 'ascii-text')
  const certificate = device.below(...policy, 'certificate')
  if (first === undefined && certificate.length === 0)
    return 'its policy has neither a pre-shared-key nor a certificate'
  const isCertificate = first === undefined
  identities(tunnel, gateway, device, { peer, local, isAggressive, isCertificate })
  if (first === undefined) {
    const name = device.value(...policy, 'certificate', 'local-certificate') ?? 'CERTIFICATE'
    tunnel.certificateInDevice(
      `request security pki key-pair export certificate-id ${name} writes the key, and local-certificate export the certificate`,
      ...certificate,
    )
  } else if (key !== undefined && !key.startsWith('$9$')) tunnel.givePsk(secretOf(key), first)
  else {
    tunnel.assume('psk', `file:keys/${tunnel.name}.psk`, 'to be written')
    tunnel.leave(first, 'stored scrambled or in hexadecimal: the key itself is needed')
    tunnel.remark('The key is not in this text in clear: put it where psk says, mode 600.')
  }
  const one = device.proposals('ike', policy)
  const { suites, refused } = readIkeProposals(one.texts.join(','))
  if (suites.length > 0) tunnel.set('phase1.propose', suites, ...one.origins)
  else if (one.texts.length > 0) return `its proposals cannot be IKEv1 here (${refused.join('; ')})`
  else tunnel.remark('Phase 1 has the default proposals of Causeway: a proposal set names none.')
  if (one.seconds !== undefined) tunnel.lifetime(1, one.seconds, ...one.lifetimes)
  const dpd = [...gateway, 'dead-peer-detection'] as const
  const every = Number(device.value(...dpd, 'interval') ?? 10)
  const tries = Number(device.value(...dpd, 'threshold') ?? 5)
  if (device.below(...dpd).length > 0)
    tunnel.deadPeer(every, every * tries, ...device.below(...dpd))
  const why = phase2(tunnel, vpn, device) ?? networks(tunnel, vpn, device)
  for (const path of [vpn, gateway, policy])
    tunnel.account(device.below(...path), 'no equivalent here')
  return why
}

function identities(
  tunnel: TunnelImport,
  gateway: readonly string[],
  device: Device,
  about: {
    readonly peer: string
    readonly local: string | undefined
    readonly isAggressive: boolean
    readonly isCertificate: boolean
  },
): void {
  for (const [which, key, usual] of [
    ['local-identity', 'id', about.local],
    ['remote-identity', 'peer-id', about.peer],
  ] as const) {
    const [line] = device.below(...gateway, which)
    const [kind = '', value = ''] = line?.path.slice(gateway.length + 1) ?? []
    if (line === undefined) continue
    const said = kind === 'hostname' ? `@${value}` : kind === 'key-id' ? `keyid:${value}` : value
    // Parts of a name, not the whole of one.
    const text = kind === 'distinguished-name' ? '' : said
    if (text === usual) tunnel.same(line, 'the address is the default')
    else if (text === '') tunnel.leave(line, 'no identity that could be written')
    else if (about.isCertificate) tunnel.set(`certificate.${key}`, text, line)
    else tunnel.set(key === 'id' || about.isAggressive ? key : 'peer-id.sends', text, line)
  }
}

function phase2(tunnel: TunnelImport, vpn: readonly string[], device: Device): string | undefined {
  const name = device.value(...vpn, 'ike', 'ipsec-policy') ?? ''
  const policy = ['security', 'ipsec', 'policy', name] as const
  const two = device.proposals('ipsec', policy)
  const { suites, refused } = readEspProposals(two.texts.join(','))
  for (const one of device.below(...vpn, 'ike', 'ipsec-policy')) tunnel.take('phase2', one)
  if (suites.length > 0) tunnel.set('phase2.propose', suites, ...two.origins)
  else if (two.texts.length > 0) return `its proposals cannot be here (${refused.join('; ')})`
  else tunnel.remark('Phase 2 has the default proposals of Causeway: a proposal set names none.')
  const group = device.value(...policy, 'perfect-forward-secrecy', 'keys')
  if (group === undefined) tunnel.assume('phase2.pfs', 'none', 'no perfect-forward-secrecy')
  else tunnel.set('phase2.pfs', group, ...device.below(...policy, 'perfect-forward-secrecy'))
  if (two.seconds !== undefined) tunnel.lifetime(2, two.seconds, ...two.lifetimes)
  if (two.kilobytes !== undefined && two.kilobytes >= LEAST_KILOBYTES)
    tunnel.set('phase2.volume', `${two.kilobytes}KB`, ...two.lifetimes)
  return undefined
}

function networks(
  tunnel: TunnelImport,
  vpn: readonly string[],
  device: Device,
): string | undefined {
  const unit = device.value(...vpn, 'bind-interface')
  const pairs: string[] = []
  const origins: Origin[] = []
  const add = (local: string | undefined, remote: string | undefined): string | undefined => {
    const side = (text: string | undefined) => ({
      range: rangeText(text ?? '0.0.0.0/0'),
      traffic: '',
    })
    const pair = networkPair(side(local), side(remote))
    if ('why' in pair) return pair.why
    if (!pairs.includes(pair.pair)) pairs.push(pair.pair)
    return undefined
  }
  for (const name of device.namesBelow(...vpn, 'traffic-selector').slice(0, 256)) {
    const path = [...vpn, 'traffic-selector', name] as const
    const why = add(device.value(...path, 'local-ip'), device.value(...path, 'remote-ip'))
    if (why !== undefined) return why
    origins.push(...device.below(...path))
  }
  const proxy = [...vpn, 'ike', 'proxy-identity'] as const
  if (pairs.length === 0 && device.below(...proxy).length > 0) {
    const why = add(device.value(...proxy, 'local'), device.value(...proxy, 'remote'))
    if (why !== undefined) return why
    origins.push(...device.below(...proxy))
  }
  if (pairs.length > 0 && !pairs.every((pair) => pair === '0.0.0.0/0 <-> 0.0.0.0/0'))
    tunnel.set('networks', pairs, ...origins)
  else {
    tunnel.set('networks', 'any', ...origins)
    const routes = device.routesInto(unit)
    const texts = routes.map(({ path }) => path[3] ?? '')
    if (routes.length > 0) tunnel.set('interface.routes', texts, ...routes)
    else {
      tunnel.assume('interface.routes', [], 'nothing is routed yet')
      tunnel.remark('No static route leads into this tunnel: set interface.routes.')
    }
    const [device0 = '', number = '0'] = (unit ?? '').split('.')
    const [inside] = device.below(
      'interfaces',
      device0,
      'unit',
      number,
      'family',
      'inet',
      'address',
    )
    const address = inside?.path[7]
    if (inside !== undefined && address?.includes('/') === true)
      tunnel.set('interface.address', address, inside)
  }
  for (const one of device.below(...vpn, 'bind-interface')) tunnel.take('networks', one)
  const when = device.value(...vpn, 'establish-tunnels')
  tunnel.set(
    'start',
    when === 'immediately' ? 'always' : 'on-traffic',
    ...device.below(...vpn, 'establish-tunnels'),
  )
  return undefined
}

const INDEXED = 4
/** The least volume that can be written here. */
const LEAST_KILOBYTES = 65_536

class Device {
  readonly #statements: readonly Statement[]
  /** By the first four words, which name what most questions are about. */
  readonly #index: Map<string, Statement[]> = new Map()

  constructor(statements: readonly Statement[]) {
    this.#statements = statements
    for (const one of statements) {
      const key = one.path.slice(0, INDEXED).join(' ')
      const list = this.#index.get(key)
      if (list === undefined) this.#index.set(key, [one])
      else list.push(one)
    }
  }

  below(...path: readonly string[]): readonly Statement[] {
    const among =
      path.length < INDEXED
        ? this.#statements
        : (this.#index.get(path.slice(0, INDEXED).join(' ')) ?? [])
    return among.filter((one) => path.every((step, i) => one.path[i] === step))
  }

  /** The word behind a path. */
  value(...path: readonly string[]): string | undefined {
    return this.below(...path).find((one) => one.path.length > path.length)?.path[path.length]
  }

  namesBelow(...path: readonly string[]): readonly string[] {
    return [...new Set(this.below(...path).flatMap((one) => one.path[path.length] ?? []))]
  }

  addressOf(device: string): string | undefined {
    const [name = '', unit = '0'] = device.split('.')
    const address = this.value('interfaces', name, 'unit', unit, 'family', 'inet', 'address')
    return parseIp(address?.split('/')[0] ?? '')
  }

  routesInto(unit: string | undefined): readonly Statement[] {
    return this.below('routing-options', 'static', 'route').filter(
      ({ path }) => unit !== undefined && path.includes('next-hop') && path.at(-1) === unit,
    )
  }

  /** The proposals a policy names, each as one text in the words of strongSwan. */
  proposals(kind: 'ike' | 'ipsec', policy: readonly string[]) {
    const lines = this.below(...policy, 'proposals')
    const names = lines
      .flatMap(({ path }) => path.slice(policy.length + 1))
      .filter((one) => !/^[[\]]$/.test(one))
    const texts: string[] = []
    const origins: Origin[] = [...lines]
    const lifetimes: Origin[] = []
    let seconds: number | undefined
    let kilobytes: number | undefined
    for (const name of names) {
      const path = ['security', kind, 'proposal', name] as const
      const word = (key: string) => this.value(...path, key)
      const cipher = (word('encryption-algorithm') ?? '').replace(/-cbc$/, '').replaceAll('-', '')
      const hash = (word('authentication-algorithm') ?? '')
        .replace(/^hmac-/, '')
        .replace(/^(md5|sha1)-96$/, '$1')
        .replace(/-128$/, '')
        .replaceAll('-', '')
      texts.push([cipher, hash, word('dh-group') ?? ''].filter((one) => one !== '').join('-'))
      for (const one of this.below(...path))
        (one.path[4]?.startsWith('lifetime') === true ? lifetimes : origins).push(one)
      const lifetime = Number(word('lifetime-seconds'))
      if (lifetime > 0) seconds ??= lifetime
      const volume = Number(word('lifetime-kilobytes'))
      if (volume > 0) kilobytes ??= volume
    }
    return { texts, origins, lifetimes, seconds, kilobytes }
  }
}

/** Both forms of a Junos configuration as paths. */
function statementsIn({ file, text }: SourceText): readonly Statement[] {
  const statements: Statement[] = []
  const stack: (readonly string[])[] = []
  for (const [i, raw] of text.split(/\r?\n/).slice(0, MOST_LINES).entries()) {
    const line = raw.replace(/##.*$/, '').trim()
    if (line === '' || line.startsWith('#') || line.startsWith('/*')) continue
    const origin: Origin = { file, line: i + 1, text: shownText(raw) }
    const words = wordsOf(line)
    if (words[0] === 'set' && stack.length === 0)
      statements.push({ ...origin, path: words.slice(1) })
    else if (line.endsWith('{') && stack.length < 32)
      stack.push(words.filter((word) => word !== '{'))
    else if (line.startsWith('}')) stack.pop()
    else if (line.endsWith(';') && stack.length > 0)
      statements.push({ ...origin, path: [...stack.flat(), ...words] })
  }
  return statements
}

function wordsOf(line: string): readonly string[] {
  return [...line.slice(0, 4_000).matchAll(/"((?:\\.|[^"\\])*)"|([^\s;]+)/g)]
    .slice(0, 64)
    .map(([, inner, word]) => inner?.replace(/\\(.)/g, '$1') ?? word ?? '')
}
