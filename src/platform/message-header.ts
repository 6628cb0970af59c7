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

/** `struct mmsghdr`: a `msghdr` and how much was sent or received. */
export const MMSGHDR = { octets: 64, length: 56 } as const

export const SOL_UDP = 17
/** Size of the datagrams one message is to be cut into (udp(7)); two octets. */
export const UDP_SEGMENT = 103
/** Size of the datagrams that came as one message; four octets. */
export const UDP_GRO = 104

export const MSG_TRUNC = 0x20
export const MSG_ERRQUEUE = 0x2000

export const recvmsg: (fd: number, header: number, flags: number) => number = program.func(
  'long recvmsg(int fd, uint64_t header, int flags)',
)
export const sendmsg: (fd: number, header: number, flags: number) => number = program.func(
  'long sendmsg(int fd, uint64_t header, int flags)',
)
export const recvmmsg: (
  fd: number,
  headers: number,
  count: number,
  flags: number,
  timeout: number,
) => number = program.func(
  'int recvmmsg(int fd, uint64_t headers, unsigned int count, int flags, uint64_t timeout)',
)
export const sendmmsg: (fd: number, headers: number, count: number, flags: number) => number =
  program.func('int sendmmsg(int fd, uint64_t headers, unsigned int count, int flags)')
