import { run } from './process.ts'

/** What Wireshark makes of a frame. A frame holds packets in packets: of each field there is a list, the outermost first. */
export type JudgedFrame = Readonly<Record<keyof typeof FIELDS, readonly string[]>>

const FIELDS = {
  number: 'frame.number',
  octets: 'frame.len',
  protocols: 'frame.protocols',
  source: 'ip.src',
  destination: 'ip.dst',
  source6: 'ipv6.src',
  destination6: 'ipv6.dst',
  ip: 'ip.checksum.status',
  tcp: 'tcp.checksum.status',
  udp: 'udp.checksum.status',
  icmp: 'icmp.checksum.status',
  icmp6: 'icmpv6.checksum.status',
  spi: 'esp.spi',
  icvGood: 'esp.icv_good',
  malformed: '_ws.malformed',
  complaint: '_ws.expert.message',
  severity: '_ws.expert.severity',
  group: '_ws.expert.group',
}
const CHECKSUMS = ['ip', 'tcp', 'udp', 'icmp', 'icmp6'] as const
/** Of checksums; of ICVs, that it is good. */
const GOOD = '1'
const UNVERIFIED = '2'
/** Below it are remarks, such as that a connection begins. */
const WARNING = 0x60_0000
/** What came before, or did not: TCP on a busy machine sends twice now and then. */
const SEQUENCE = 0x200_0000

/** Every frame of a capture, every checksum of it recomputed and every ESP packet opened. `profile`: a folder with the keys. */
export async function judgeFrames(pcap: string, profile: string): Promise<readonly JudgedFrame[]> {
  const wanted = Object.values(FIELDS).flatMap((field) => ['-e', field])
  const { code, stdout, stderr } = await run(
    ['tshark', '-n', '-r', pcap, ...OPTIONS, '-T', 'fields', '-E', 'separator=|', ...wanted],
    { env: { WIRESHARK_CONFIG_DIR: profile }, timeout: 120_000 },
  )
  if (code !== 0) throw new Error(`tshark: ${stderr}`)
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const values = line.split('|').map((list) => (list === '' ? [] : list.split(',')))
      const entries = Object.keys(FIELDS).map((name, i) => [name, values[i] ?? []])
      return Object.fromEntries(entries) as JudgedFrame
    })
}

/** What is wrong with a frame, in words; nothing of one that is as it should be. */
export function faultsOf(frame: JudgedFrame, mtu: number): readonly string[] {
  const { protocols, spi, icvGood, malformed, severity, group, complaint } = frame
  // Of a packet that an ICMP error quotes there is only the beginning.
  const isQuote = /:icmp(?:v6)?:ipv?6?:/.test(protocols.join())
  const isFault = (status: string) => status !== GOOD && !(isQuote && status === UNVERIFIED)
  const faults = CHECKSUMS.filter((name) => frame[name].some(isFault)).map(
    (name) => `checksum of ${name} ${frame[name]}`,
  )
  if (icvGood.length !== spi.length || icvGood.some((good) => good !== GOOD)) faults.push('ICV')
  if (malformed.length > 0) faults.push('malformed')
  if (severity.some((one, i) => Number(one) >= WARNING && Number(group[i]) !== SEQUENCE))
    faults.push(complaint.join())
  if (Number(frame.octets[0]) > mtu + ETHERNET_OCTETS) faults.push('longer than the link takes')
  return faults.length === 0 ? [] : [`${frame.number} ${protocols}: ${faults.join('; ')}`]
}

const ETHERNET_OCTETS = 14
const OPTIONS = [
  ...['ip', 'tcp', 'udp'].flatMap((name) => ['-o', `${name}.check_checksum:TRUE`]),
  // Sequences and streams are not what is judged here.
  ...['-o', 'tcp.analyze_sequence_numbers:FALSE'],
  ...['tcp', 'udp'].flatMap((name) => ['-d', `${name}.port==5001,data`]),
]
