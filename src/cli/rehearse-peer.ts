import { ip, ipFamily } from '#bytes/ip'
import type { Config, TunnelConfig } from '#config/config'
import { type Environment, memoryFiles } from '#config/files'
import { formatProblems } from '#config/format-problems'
import { withAddresses } from '#config/peer-name'
import { PRESETS, presetNamed } from '#config/presets/catalog'
import { loadConfig } from '#config/reader'
import { formatExpected } from '#policy/expected-identity'
import { formatIdentity } from '#policy/identity'
import { nearestName } from '#policy/nearest'
import { addressOfPeer } from '#policy/peer-address'
import { equalSelectorPair, formatSelectorPair, mirror } from '#policy/traffic-selector'
import { STAND_IN_KEY } from '#rehearsal/assumed-keys'

/** The other end of every tunnel, as a preset of its maker has it. A sentence where that cannot be. */
export function presetPeer(config: Config, name: string, columns: number): Config | string {
  const preset = presetNamed(name)
  if (preset === undefined) {
    const known = PRESETS.map((one) => one.name)
    const near = nearestName(name, known)
    return `there is no preset "${name}": ${near === undefined ? `there are ${known.join(', ')}` : `did you mean "${near}"?`}`
  }
  const mirrored = config.tunnels.filter(
    (tunnel) => addressOfPeer(tunnel) !== undefined && tunnel.authentication.kind === 'psk',
  )
  if (mirrored.length === 0)
    return '--peer stands in for a peer with an address and a pre-shared key; no tunnel has both'
  const tunnels = Object.fromEntries(
    mirrored.map((tunnel) => [tunnel.name, otherEnd(tunnel, name)]),
  )
  const file = `${name} preset`
  const environment: Environment = {
    files: memoryFiles({ [file]: JSON.stringify({ version: 1, tunnels }, null, 1) }),
    variables: {},
    hostName: name,
  }
  const { config: peer, problems, sources } = loadConfig(file, environment)
  if (peer === undefined)
    return `${name} cannot be the other end of these tunnels:\n${formatProblems(problems, sources, { width: columns })}`
  // No line of it is anyone's to change.
  return { ...peer, tunnels: peer.tunnels.map((tunnel) => ({ ...tunnel, positions: {} })) }
}

/** Host names are not looked up: each peer gets an address for documentation. */
export function withStandInAddresses(config: Config): Config {
  const names = new Map(config.tunnels.map(({ name }, i) => [name, FIRST_HOST + (i % HOSTS)]))
  return withAddresses(config, ({ name, local }) =>
    ip(`${ipFamily(local) === 4 ? '192.0.2.' : '2001:db8::'}${names.get(name) ?? FIRST_HOST}`),
  )
}

const FIRST_HOST = 100
const HOSTS = 150

/** What fits the tunnel, and for everything else the preset. */
function otherEnd(tunnel: TunnelConfig, preset: string): object {
  const { ike, local, peer, localId, remoteId, mode, networks, start } = tunnel
  const own = remoteId.kind === 'any-of' ? peer : formatExpected(remoteId)
  const expected = formatIdentity(localId)
  return {
    preset,
    ike,
    address: peer,
    peer: local,
    psk: STAND_IN_KEY,
    ...(own === peer ? {} : { id: own }),
    ...(expected === local ? {} : { 'peer-id': { sends: expected } }),
    mode,
    ...(mode === 'transport'
      ? {}
      : {
          networks: isAny(tunnel)
            ? 'any'
            : networks.map((pair) => formatSelectorPair(mirror(pair))),
        }),
    start: start === 'respond' ? 'always' : 'respond',
  }
}

function isAny({ networks }: TunnelConfig): boolean {
  const [only, another] = networks
  return (
    another === undefined &&
    only !== undefined &&
    equalSelectorPair(only, mirror(only)) &&
    formatSelectorPair(only).startsWith('0.0.0.0/0')
  )
}
