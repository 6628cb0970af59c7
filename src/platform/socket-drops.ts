import { allocateMemory } from './native.ts'
import { getsockopt, SOL_SOCKET } from './socket-options.ts'

/**
 * Datagrams that came for this socket since it was opened and that nobody will ever read: its buffer was full, or their checksum was
 * wrong. A number of 32 bits that begins anew at its end; 0 where the kernel does not say (Linux 4.12).
 */
export function socketDrops(fd: number): number {
  const memory = allocateMemory(MEMINFO_OCTETS + 8)
  memory.words[LENGTH >> 2] = MEMINFO_OCTETS
  const result = getsockopt(fd, SOL_SOCKET, SO_MEMINFO, memory.address, memory.address + LENGTH)
  return result < 0 ? 0 : (memory.words[SK_MEMINFO_DROPS] ?? 0)
}

const SO_MEMINFO = 55
/** Of the words that the kernel fills. */
const SK_MEMINFO_DROPS = 8
/** Nine words. */
const MEMINFO_OCTETS = 36
const LENGTH = 40
