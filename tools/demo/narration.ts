import { ADDRESSES } from '../../test/support/topology.ts'
import { bitsPerSecond, type Findings } from './document.ts'

const { gatewayA, gatewayB, hostA, hostB } = ADDRESSES

/** The file of each gateway, as an operator would write it. Gateway A offers a choice; gateway B accepts one set of each phase. */
export function configurationText(site: 'a' | 'b', psk: string): string {
  const [own, peer] = site === 'a' ? [gatewayA, gatewayB] : [gatewayB, gatewayA]
  const [ours, theirs] =
    site === 'a' ? ['10.1.0.0/16', '10.2.0.0/16'] : ['10.2.0.0/16', '10.1.0.0/16']
  return `version: 1
gateway:
  name: gw-${site}
  address: ${own.ipv4}
tunnels:
  site-${site === 'a' ? 'b' : 'a'}:
    ike: v1-main
    peer: ${peer.ipv4}
    psk: "${psk}"
${site === 'a' ? CHOICE : DECISION}    networks:
      - ${ours} <-> ${theirs}
    start: respond
`
}

const CHOICE = `    phase1:
      propose: [aes256-sha384-group20, aes256-sha256-group14]
    phase2:
      propose: [aes256gcm16, aes256-sha256]
      pfs: group14
`
const DECISION = `    phase1: aes256-sha256-group14
    phase2: aes256gcm16, pfs group14
`

export function introduction(): string {
  const names = ['host-a', 'gw-a', '"internet"', 'gw-b', 'host-b']
  const addresses = [hostA.ipv4, gatewayA.ipv4, 'captured', gatewayB.ipv4, hostB.ipv4]
  const widths = names.map((name, index) => Math.max(name.length, addresses[index]?.length ?? 0))
  const row = (cells: readonly string[], between: string): string =>
    cells.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join(between)
  return `Two sites in network namespaces of this machine, one gateway process each:

  ${row(names, '     ').trimEnd()}
  ${row(addresses, ' ——— ').trimEnd()}

Configuration of gw-a. That of gw-b mirrors it, and accepts
aes256-sha256-group14 and aes256gcm16 only. The key is new in every run:

${indented(configurationText('a', '…'))}`
}

/** The traffic, the proof, and the verdict. */
export function finalText(found: Findings, wrong: readonly string[]): string {
  const lines = [...trafficLines(found), ...wireLines(found)]
  const verdict =
    wrong.length === 0
      ? '✓ Everything held.'
      : ['✗ The demo did not succeed:', ...wrong.map((problem) => indented(problem))].join('\n')
  return [...lines, '', verdict].join('\n')
}

function trafficLines({ ping, received, sent }: Findings): readonly string[] {
  const lines: string[] = []
  if (ping !== undefined) {
    const { min = 0, average = 0, max = 0 } = ping.rttMs ?? {}
    lines.push(
      'Traffic from host-a to host-b, through the tunnel:',
      `  ping  ${ping.received} of ${ping.sent} answered, min/avg/max ${min}/${average}/${max} ms`,
    )
  }
  if (received !== undefined) {
    const mebibytes = (received.octets / 1024 / 1024).toFixed(1)
    const megabits = (bitsPerSecond(received) / 1e6).toFixed(0)
    const same =
      received.digest === sent?.digest ? 'every octet as it was sent' : 'CHANGED on the way'
    lines.push(
      `  TCP   ${mebibytes} MiB in ${received.milliseconds.toFixed(0)} ms, ${megabits} Mb/s, ${same}`,
    )
  }
  return lines
}

function wireLines({ wire }: Findings): readonly string[] {
  if (wire === undefined) return []
  const { isakmp, esp, neighbour } = wire.kinds
  const inUdp = wire.kinds['esp-in-udp'] + wire.kinds.keepalive
  const counts = [
    `${isakmp} ISAKMP`,
    `${esp} ESP`,
    ...(inUdp > 0 ? [`${inUdp} ESP in UDP`] : []),
    `${neighbour} ARP and neighbour discovery`,
    ...(wire.uncounted > 0 ? [`${wire.uncounted} too fast to look at one by one`] : []),
  ]
  return [
    '',
    `On the wire between the gateways, ${wire.frames} frames:`,
    `  ${counts.join(', ')}`,
    `  ${wire.plaintext} of any other kind: ${wire.plaintext === 0 ? 'nothing went in clear' : 'PLAINTEXT LEAKED'}`,
    ...wire.samples.map((sample) => `  ${sample}`),
  ]
}

function indented(text: string): string {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => `  ${line}`)
    .join('\n')
}
