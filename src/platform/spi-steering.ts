import type { IpFamily } from '#bytes/ip'
import { checked } from './errno.ts'
import { allocateMemory, writePointer } from './native.ts'
import { SOL_SOCKET, setsockopt } from './socket-options.ts'

/** Of `of` that share the ESP packets of an address, the one who takes those whose SPI leaves the remainder `index`. */
export type SpiShare = { readonly index: number; readonly of: number }

/**
 * Among sockets that share a port (SO_REUSEPORT), a datagram goes to the one that was bound as the n-th, n from 0 being the remainder of
 * its first four octets; what begins with the non-ESP marker, or is shorter, to the first. One call for all of them.
 * @throws SystemError
 */
export function steerDatagrams(fd: number, of: number): void {
  // Classic BPF: a load beyond the end makes the whole program answer 0.
  attach(fd, SO_ATTACH_REUSEPORT_CBPF, [
    [LOAD_WORD, 0],
    [REMAINDER, of],
    [RETURN_RESULT, 0],
  ])
}

/** A raw ESP socket gets no other packets: each socket for a protocol is given all of them. @throws SystemError */
export function takeShare(fd: number, family: IpFamily, { index, of }: SpiShare): void {
  attach(fd, SO_ATTACH_FILTER, [
    // On IPv4 the IP header comes first, which may have options.
    ...(family === 4 ? IPV4_HEADER_TO_X : []),
    [family === 4 ? LOAD_WORD_AT_X : LOAD_WORD, 0],
    [REMAINDER, of],
    [SKIP_ONE_IF_EQUAL, index],
    [RETURN, 0],
    [RETURN, WHOLE_PACKET],
  ])
}

type Instruction = readonly [code: number, operand: number]

/** `struct sock_fprog` (16 octets) and behind it its `struct sock_filter`s, 8 octets each. */
function attach(fd: number, option: number, instructions: readonly Instruction[]): void {
  const memory = allocateMemory(PROGRAM_OCTETS + instructions.length * 8)
  memory.view.setUint16(0, instructions.length, true)
  writePointer(memory.words, 8, memory.address + PROGRAM_OCTETS)
  for (const [place, [code, operand]] of instructions.entries()) {
    const at = PROGRAM_OCTETS + place * 8
    memory.view.setUint16(at, code, true)
    if (code === SKIP_ONE_IF_EQUAL) memory.octets[at + 2] = 1
    memory.view.setUint32(at + 4, operand, true)
  }
  const result = setsockopt(fd, SOL_SOCKET, option, memory.address, PROGRAM_OCTETS)
  checked('setsockopt', result, 'a filter by SPI')
}

const PROGRAM_OCTETS = 16
const SO_ATTACH_FILTER = 26
const SO_ATTACH_REUSEPORT_CBPF = 51

// linux/bpf_common.h
const LOAD_WORD = 0x20
const LOAD_WORD_AT_X = 0x40
const IPV4_HEADER_TO_X: readonly Instruction[] = [[0xb1, 0]]
const REMAINDER = 0x94
const SKIP_ONE_IF_EQUAL = 0x15
const RETURN = 0x06
const RETURN_RESULT = 0x16
const WHOLE_PACKET = 0xffff_ffff
