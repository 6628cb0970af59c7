import { ipFamily, parseIp } from '#bytes/ip'
import { hasPorts, parseIpProtocol } from '#policy/ip-protocol'
import { isTextProblem } from '#policy/text-problem'
import { formatSelectorPair, parseSelectorPair, selectorFromPrefix } from '#policy/traffic-selector'

/** One side of a pair before it is put together: addresses in our notation, and `tcp/443`. */
export type Side = { readonly range: string; readonly traffic: string }

/** A pair of ours, or in words why there is none. */
export function networkPair(local: Side, remote: Side): { pair: string } | { why: string } {
  const text = `${sideText(local)} <-> ${sideText(remote)}`
  const pair = parseSelectorPair(text)
  if (isTextProblem(pair)) return { why: pair.message }
  const all = ipFamily(pair.local.start) === 4 ? '0.0.0.0/0' : '::/0'
  const formatted = formatSelectorPair(pair).split(' <-> ')
  // `any` stands for an address that is given, which shows where a network of all would not.
  const named = [local, remote].map(({ range }, i) =>
    range === 'any' ? formatted[i]?.replace(all, 'any') : formatted[i],
  )
  return { pair: named.join(' <-> ') }
}

/** `tcp/80`, `tcp`, `6/443`, `udp/domain`, `gre/`: our words for it, undefined when it is none. */
export function trafficText(text: string): string | undefined {
  const [name = '', port = ''] = text.trim().split('/')
  if (/^(?:%any|any|ip|0|)$/i.test(name)) return ''
  const ours = ALIASES.get(name.toLowerCase()) ?? name.toLowerCase()
  const protocol = parseIpProtocol(ours)
  if (protocol === undefined) return undefined
  if (/^(?:%any|any|%opaque|0|)$/i.test(port)) return ours
  const number = PORTS.get(port.toLowerCase()) ?? port
  // Type and code of ICMP are written as ports by some.
  if (!/^\d{1,5}(?:-\d{1,5})?$/.test(number) || !hasPorts(protocol)) return undefined
  return `${ours}/${number}`
}

/** Of Linux and of Cisco. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ['ipv6-icmp', 'icmpv6'],
  ['icmp6', 'icmpv6'],
  ['ahp', 'ah'],
  ['ipinip', 'ipip'],
])

/** `10.1.0.5/16` as the network it is in, `10.1.0.0/16`; everything else as it is. */
export function rangeText(text: string): string {
  const [, base = '', bits = ''] = /^([^/\s]+)\/(\d{1,3})$/.exec(text.trim()) ?? []
  const address = parseIp(base)
  if (address === undefined || Number(bits) > (ipFamily(address) === 4 ? 32 : 128))
    return text.trim()
  return `${selectorFromPrefix(address, Number(bits)).start}/${Number(bits)}`
}

/** A network as `address mask`, with a mask or (Cisco's access lists) the bits that are free. */
export function maskedNetwork(
  address: string,
  mask: string,
  kind: 'mask' | 'wildcard',
): string | undefined {
  const [base, bits] = [parseIp(address), parseIp(mask)]
  if (base?.includes('.') !== true || bits?.includes('.') !== true) return undefined
  const value = numberOf(bits)
  const fixed = kind === 'mask' ? value : ~value >>> 0
  const length = fixed.toString(2).replace(/0+$/, '').length
  const whole = fixed === 0 ? 0 : (0xffffffff << (32 - length)) >>> 0
  // Bits that are fixed behind free ones make no network.
  if (whole !== fixed) return undefined
  const start = (numberOf(base) & fixed) >>> 0
  const octets = [24, 16, 8, 0].map((shift) => (start >>> shift) & 255).join('.')
  return `${octets}/${fixed === 0 ? 0 : length}`
}

/** Ports by the names that ipsec.conf, swanctl.conf and Cisco use. */
const PORTS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    bgp: '179',
    domain: '53',
    ftp: '21',
    'ftp-data': '20',
    http: '80',
    https: '443',
    imap: '143',
    imap4: '143',
    isakmp: '500',
    ldap: '389',
    ldaps: '636',
    l2tp: '1701',
    l2f: '1701',
    ntp: '123',
    pop3: '110',
    rdp: '3389',
    smtp: '25',
    snmp: '161',
    snmptrap: '162',
    sqlnet: '1521',
    ssh: '22',
    syslog: '514',
    telnet: '23',
    tftp: '69',
    www: '80',
  }),
)

function sideText({ range, traffic }: Side): string {
  return traffic === '' ? range : `${range} ${traffic}`
}

function numberOf(address: string): number {
  return address.split('.').reduce((number, octet) => number * 256 + Number(octet), 0)
}
