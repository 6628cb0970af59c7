import type { IpFamily } from '#bytes/ip'
import { attachFilter, attachSelection, type FilterInstruction } from './socket-filter.ts'

/** Of `of` that share the ESP packets of an address, the one who takes those whose SPI leaves the remainder `index`. */
export type SpiShare = { readonly index: number; readonly of: number }

/**
 * Among sockets that share a port (SO_REUSEPORT), a datagram goes to the one that was bound as the n-th, n from 0 being the remainder of
 * its first four octets; what begins with the non-ESP marker, or is shorter, to the first. One call for all of them.
 * @throws SystemError
 */
export function steerDatagrams(fd: number, of: number): void {
  // Classic BPF: a load beyond the end makes the whole program answer 0.
  attachSelection(fd, [LOAD_WORD, remainderBy(of), RETURN_RESULT])
}

/** A raw ESP socket gets no other packets: each socket for a protocol is given all of them. @throws SystemError */
export function takeShare(fd: number, family: IpFamily, { index, of }: SpiShare): void {
  attachFilter(fd, [
    // On IPv4 the IP header comes first, which may have options.
    ...(family === 4 ? [IPV4_HEADER_TO_X, LOAD_WORD_AT_X] : [LOAD_WORD]),
    remainderBy(of),
    [JUMP_IF_EQUAL, 1, 0, index],
    REFUSE,
    ACCEPT,
  ])
}

function remainderBy(of: number): FilterInstruction {
  return [REMAINDER, 0, 0, of]
}

// linux/bpf_common.h
const LOAD_WORD: FilterInstruction = [0x20, 0, 0, 0]
const LOAD_WORD_AT_X: FilterInstruction = [0x40, 0, 0, 0]
const IPV4_HEADER_TO_X: FilterInstruction = [0xb1, 0, 0, 0]
const REMAINDER = 0x94
const JUMP_IF_EQUAL = 0x15
const RETURN_RESULT: FilterInstruction = [0x16, 0, 0, 0]
const REFUSE: FilterInstruction = [0x06, 0, 0, 0]
const ACCEPT: FilterInstruction = [0x06, 0, 0, 0xffff_ffff]
