import { formatIdentity } from '#policy/identity'
import { formatIpProtocol } from '#policy/ip-protocol'
import { formatDuration } from '#policy/lifetime'
import type { EspSuite, IkeSuite, Pfs } from '#policy/proposal'
import type { TrafficSelector } from '#policy/traffic-selector'
import type { Exported } from './exported.ts'
import { type FarEnd, sendsOwnAddress } from './far-end.ts'
import { lackingSuites, onePortOnly, pfsWithin } from './limits.ts'
import { cipherOf, groupNumber, hashOf, isAead, plainName, prefixOf, quoted } from './words.ts'

/** RouterOS 7: profile, peer, identity, proposal, and a policy for each pair. */
export function exportMikrotik(far: FarEnd): Exported {
  const name = `cw-${plainName(far.name, 40)}`
  const one = far.phase1.suites.map((suite) => ({ suite, words: ikeWords(suite) }))
  const two = far.phase2.suites.map((suite) => ({ suite, words: espWords(suite) }))
  const list = (words: readonly (string | undefined)[]) =>
    [...new Set(words.filter((word) => word !== undefined))].join(',')
  const pfs = pfsWithin('RouterOS', far.phase2.pfs, [...GROUPS.keys()])
  const hashes = [...new Set(one.flatMap(({ words }) => words?.hash ?? []))]
  const lines = [
    `/ip ipsec profile add name=${name} dh-group=${list(one.map(({ words }) => words?.group))} enc-algorithm=${list(one.map(({ words }) => words?.encryption))} hash-algorithm=${hashes[0] ?? 'sha256'} lifetime=${formatDuration(far.phase1.seconds)} dpd-interval=${far.probeEvery}s dpd-maximum-failures=${Math.max(1, Math.round(far.giveUpAfter / far.probeEvery))} nat-traversal=yes proposal-check=obey`,
    `/ip ipsec proposal add name=${name} auth-algorithms=${list(two.map(({ words }) => words?.hash)) || 'null'} enc-algorithms=${list(two.map(({ words }) => words?.encryption))} lifetime=${formatDuration(far.phase2.seconds)} pfs-group=${pfs.value === undefined ? 'none' : GROUPS.get(pfs.value)}`,
    `/ip ipsec peer add name=${name} address=${far.remote}${far.local === undefined ? '' : ` local-address=${far.local}`} profile=${name} exchange-mode=${far.isAggressive ? 'aggressive' : 'main'} passive=${far.start === 'waits' ? 'yes' : 'no'}`,
    `/ip ipsec identity add peer=${name} ${
      far.isPsk
        ? `auth-method=pre-shared-key secret=${quoted(far.key)}`
        : 'auth-method=digital-signature certificate=YOUR-CERTIFICATE'
    } my-id=${sendsOwnAddress(far) ? 'auto' : identityWords(far.localId)} remote-id=${identityWords(far.remoteId)}`,
    ...far.pairs.map(
      ({ local, remote }) =>
        `/ip ipsec policy add peer=${name} proposal=${name} tunnel=${far.isTransport ? 'no' : 'yes'} level=unique src-address=${prefixText(local)} dst-address=${prefixText(remote)}${protocolWords(local, remote)}`,
    ),
    ...far.pairs
      .filter(() => !far.isTransport && !far.isRouteBased)
      .map(
        ({ local, remote }) =>
          `/ip firewall nat add chain=srcnat action=accept src-address=${prefixText(local)} dst-address=${prefixText(remote)} place-before=0`,
      ),
  ]
  return {
    comment: '#',
    lines,
    byHand: [
      ...lackingSuites('RouterOS', one, two),
      ...pfs.say,
      ...onePortOnly('RouterOS', far.pairs),
      ...(far.localId.kind === 'dn' || far.remoteId.kind === 'dn'
        ? [
            'With auto RouterOS sends a subject alternative name of its certificate, and the subject only where there is none.',
          ]
        : []),
      ...(hashes.length > 1
        ? [`A profile has one hash; taken is ${hashes[0]}, not ${hashes.slice(1).join(', ')}.`]
        : []),
      ...(far.isPsk && far.key.startsWith('0x')
        ? ['RouterOS reads a key that begins with 0x as hexadecimal: choose another.']
        : []),
      ...(far.isRouteBased
        ? [
            'RouterOS has no tunnel interfaces for this; a policy for everything takes all its traffic.',
          ]
        : []),
      'Fasttrack rules must leave these networks out.',
    ],
  }
}

function ikeWords(
  suite: IkeSuite,
): { encryption: string; hash: string; group: string } | undefined {
  const { family, bits } = cipherOf(suite)
  const group = groupWord(suite.keyExchange)
  if (family === 'other' || group === undefined || suite.hash === 'sha384') return undefined
  return { encryption: family === '3des' ? '3des' : `aes-${bits}`, hash: suite.hash, group }
}

function espWords(suite: EspSuite): { encryption: string; hash: string | undefined } | undefined {
  const { family, bits, mode } = cipherOf(suite)
  if (suite.esn || family === 'other') return undefined
  if (isAead(suite)) {
    if (family === 'chacha20') return undefined
    return mode === 'gcm16' ? { encryption: `aes-${bits}-gcm`, hash: undefined } : undefined
  }
  const hash = hashOf(suite)
  if (hash === 'sha384') return undefined
  return { encryption: family === '3des' ? '3des' : `aes-${bits}-${mode}`, hash }
}

function groupWord(pfs: Pfs): string | undefined {
  return pfs === 'none' ? 'none' : GROUPS.get(groupNumber(pfs))
}

const GROUPS: ReadonlyMap<number, string> = new Map([
  [1, 'modp768'],
  [2, 'modp1024'],
  [5, 'modp1536'],
  [14, 'modp2048'],
  [15, 'modp3072'],
  [16, 'modp4096'],
  [17, 'modp6144'],
  [18, 'modp8192'],
  [19, 'ecp256'],
  [20, 'ecp384'],
  [21, 'ecp521'],
  [31, 'x25519'],
])

function identityWords(id: FarEnd['localId']): string {
  if (id.kind === 'dn') return 'auto'
  const text = formatIdentity(id).replace(/^@|^keyid:/, '')
  return quotedWhereSpaces(`${id.kind}:${text}`)
}

function protocolWords(local: TrafficSelector, remote: TrafficSelector): string {
  if (local.protocol === 0) return ''
  const port = (which: string, { startPort, endPort }: TrafficSelector) =>
    startPort === endPort ? ` ${which}-port=${startPort}` : ''
  const name = formatIpProtocol(local.protocol)
  const word = NAMED_PROTOCOLS.has(name) ? name : `${local.protocol}`
  return ` protocol=${word}${port('src', local)}${port('dst', remote)}`
}

/** As we call them; every number is known. */
const NAMED_PROTOCOLS: ReadonlySet<string> = new Set(['tcp', 'udp', 'icmp', 'gre', 'ospf', 'igmp'])

function prefixText(selector: TrafficSelector): string {
  const prefix = prefixOf(selector)
  return prefix === undefined
    ? `${selector.start}-${selector.end}`
    : `${prefix.address}/${prefix.bits}`
}

function quotedWhereSpaces(text: string): string {
  return /\s/.test(text) ? quoted(text) : text
}
