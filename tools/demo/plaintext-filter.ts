import type { FilterInstruction } from '#platform/socket-filter'

/**
 * A kernel filter that passes what must not be on the wire between two gateways, and nothing else: whatever is not ESP, not
 * UDP 500 or 4500, not ARP and not IPv6 neighbour or listener discovery. So a full capture buffer can never hide such a
 * frame behind millions of ESP packets.
 */
export function plaintextFilter(): readonly FilterInstruction[] {
  return assemble([
    ['load16', 12],
    ['if', 0x0806, 'refuse'],
    ['if', 0x86dd, 'ipv6'],
    ['ifnot', 0x0800, 'accept'],
    ['load8', 23],
    ['if', 50, 'refuse'],
    ['ifnot', 17, 'accept'],
    ['load16', 20],
    ['ifbits', 0x1fff, 'accept'],
    ['ipv4 header length', 14],
    ['load16+x', 14],
    ['if', 500, 'refuse'],
    ['if', 4500, 'refuse'],
    ['load16+x', 16],
    ['if', 500, 'refuse'],
    ['if', 4500, 'refuse'],
    ['return', ALL],
    ['label', 'ipv6'],
    ['load8', 20],
    ['if', 50, 'refuse'],
    ['if', 17, 'udp6'],
    ['if', 58, 'icmp6'],
    ['ifnot', 0, 'accept'],
    // Multicast listener reports stand behind a hop-by-hop header (RFC 3810 §5).
    ['load8', 54],
    ['ifnot', 58, 'accept'],
    ['load8', 62],
    ['if', 143, 'refuse'],
    ['return', ALL],
    ['label', 'icmp6'],
    ['load8', 54],
    ['ifbelow', 130, 'accept'],
    ['ifbelow', 138, 'refuse'],
    ['if', 143, 'refuse'],
    ['return', ALL],
    ['label', 'udp6'],
    ['load16', 54],
    ['if', 500, 'refuse'],
    ['if', 4500, 'refuse'],
    ['load16', 56],
    ['if', 500, 'refuse'],
    ['if', 4500, 'refuse'],
    ['label', 'accept'],
    ['return', ALL],
    ['label', 'refuse'],
    ['return', 0],
  ])
}

type Label = 'ipv6' | 'udp6' | 'icmp6' | 'accept' | 'refuse'
type Line =
  | readonly ['load8' | 'load16' | 'load16+x' | 'ipv4 header length' | 'return', number]
  | readonly ['if' | 'ifnot' | 'ifbits' | 'ifbelow', number, Label]
  | readonly ['label', Label]

/** Codes of linux/bpf_common.h, put together as the table in Documentation/networking/filter.rst has them. */
const CODES = {
  load8: 0x30,
  load16: 0x28,
  'load16+x': 0x48,
  'ipv4 header length': 0xb1,
  return: 0x06,
  if: 0x15,
  ifnot: 0x15,
  ifbits: 0x45,
  ifbelow: 0x35,
} as const

const ALL = 0xffff_ffff

function assemble(lines: readonly Line[]): readonly FilterInstruction[] {
  const places = new Map<string, number>()
  let count = 0
  for (const line of lines) {
    if (line[0] === 'label') places.set(line[1], count)
    else count += 1
  }
  const code = lines.filter((line) => line[0] !== 'label')
  return code.map((line, index): FilterInstruction => {
    const [operation, operand, target] = line
    const number = CODES[operation]
    if (target === undefined) return [number, 0, 0, operand]
    const distance = (places.get(target) ?? 0) - index - 1
    // `ifnot` and `ifbelow` (a comparison ≥ that fails) jump on the false side.
    return operation === 'ifnot' || operation === 'ifbelow'
      ? [number, 0, distance, operand]
      : [number, distance, 0, operand]
  })
}
