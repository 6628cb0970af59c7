import { program } from './native.ts'

/** Offsets in `struct msghdr` (56 octets on LP64). Lengths are 64-bit; their low word is enough for ours. */
export const MSGHDR = {
  name: 0,
  nameLength: 8,
  iov: 16,
  iovLength: 24,
  control: 32,
  controlLength: 40,
  flags: 48,
} as const

/** Offsets in `struct cmsghdr`; the next one begins at the length rounded up to 8. */
export const CMSG = { length: 0, level: 8, type: 12, dataAt: 16 } as const

export const MSG_TRUNC = 0x20
export const MSG_ERRQUEUE = 0x2000

export const recvmsg: (fd: number, header: bigint, flags: number) => number = program.func(
  'long recvmsg(int fd, uint64_t header, int flags)',
)
export const sendmsg: (fd: number, header: bigint, flags: number) => number = program.func(
  'long sendmsg(int fd, uint64_t header, int flags)',
)
