import { checked } from './errno.ts'
import { allocateMemory, writePointer } from './native.ts'
import { SOL_SOCKET, setsockopt } from './socket-options.ts'

/** One instruction of classic BPF (`struct sock_filter`): code, jump if true, jump if false, operand. */
export type FilterInstruction = readonly [code: number, jt: number, jf: number, k: number]

/** Only packets that the program accepts come to the socket. @throws SystemError */
export function attachFilter(fd: number, program: readonly FilterInstruction[]): void {
  attach(fd, SO_ATTACH_FILTER, program)
}

/** Of the sockets that share a port, the program answers with the place of the one that takes the datagram. @throws SystemError */
export function attachSelection(fd: number, program: readonly FilterInstruction[]): void {
  attach(fd, SO_ATTACH_REUSEPORT_CBPF, program)
}

/** `struct sock_fprog` (16 octets) and behind it its `struct sock_filter`s, 8 octets each. */
function attach(fd: number, option: number, program: readonly FilterInstruction[]): void {
  const memory = allocateMemory(PROGRAM_OCTETS + program.length * 8)
  memory.view.setUint16(0, program.length, true)
  writePointer(memory.words, 8, memory.address + PROGRAM_OCTETS)
  for (const [place, [code, jt, jf, k]] of program.entries()) {
    const at = PROGRAM_OCTETS + place * 8
    memory.view.setUint16(at, code, true)
    memory.view.setUint8(at + 2, jt)
    memory.view.setUint8(at + 3, jf)
    memory.view.setUint32(at + 4, k, true)
  }
  const result = setsockopt(fd, SOL_SOCKET, option, memory.address, PROGRAM_OCTETS)
  checked('setsockopt', result, 'filter')
}

const PROGRAM_OCTETS = 16
const SO_ATTACH_FILTER = 26
const SO_ATTACH_REUSEPORT_CBPF = 51
