import { lastErrno } from './native.ts'

/** A system call that failed: which, why in the kernel's word, and what that usually means to an operator. */
export class SystemError extends Error {
  readonly call: string
  readonly errno: number
  /** Such as `EADDRINUSE`. */
  override readonly name: string
  /** One sentence. */
  readonly detail: string

  /** @param subject what the call was about, such as `192.0.2.1:500`; @param detail replaces the usual sentence. */
  constructor(call: string, errno: number, subject?: string, detail?: string) {
    const name = errnoName(errno)
    const sentence = detail ?? errnoDetail(errno)
    super(`${call}${subject === undefined ? '' : ` ${subject}`}: ${sentence} (${name})`)
    this.call = call
    this.errno = errno
    this.name = name
    this.detail = sentence
  }
}

/** Returns `result`, or throws what errno says when it is negative. */
export function checked(call: string, result: number, subject?: string): number {
  if (result < 0) throw new SystemError(call, lastErrno(), subject)
  return result
}

/** `EADDRINUSE`; `errno 199` for one without a name here. */
export function errnoName(errno: number): string {
  return ERRORS.get(errno)?.[0] ?? `errno ${errno}`
}

export function errnoDetail(errno: number): string {
  return ERRORS.get(errno)?.[1] ?? 'the system gave no reason that is known here'
}

export const EPERM = 1
export const ENOENT = 2
export const ESRCH = 3
export const EINTR = 4
export const EIO = 5
export const EAGAIN = 11
export const ENOMEM = 12
export const EACCES = 13
const EFAULT = 14
export const EBUSY = 16
export const EEXIST = 17
export const EXDEV = 18
export const ENODEV = 19
export const EINVAL = 22
export const EPROTO = 71
export const EMSGSIZE = 90
export const ENOPROTOOPT = 92
export const EOPNOTSUPP = 95
export const EAFNOSUPPORT = 97
export const EADDRINUSE = 98
export const EADDRNOTAVAIL = 99
export const ENETDOWN = 100
export const ENETUNREACH = 101
export const ENOBUFS = 105
export const ECONNREFUSED = 111
export const EHOSTDOWN = 112
export const EHOSTUNREACH = 113

/** Numbers of the generic Linux ABI (asm-generic/errno.h), which x86-64 and arm64 share. */
const ERRORS: ReadonlyMap<number, readonly [name: string, detail: string]> = new Map([
  [EPERM, ['EPERM', 'not permitted; the process lacks a capability such as CAP_NET_ADMIN']],
  [ENOENT, ['ENOENT', 'it does not exist']],
  [ESRCH, ['ESRCH', 'there is no such entry']],
  [EINTR, ['EINTR', 'interrupted by a signal']],
  [EIO, ['EIO', 'input/output error; a network device that is down also says this']],
  [6, ['ENXIO', 'there is no such device or address']],
  [9, ['EBADF', 'the descriptor is not open']],
  [EAGAIN, ['EAGAIN', 'nothing there now, try again']],
  [ENOMEM, ['ENOMEM', 'out of memory']],
  [EACCES, ['EACCES', 'access denied; ports below 1024 need CAP_NET_BIND_SERVICE']],
  [EFAULT, ['EFAULT', 'bad memory address']],
  [EBUSY, ['EBUSY', 'in use by another process']],
  [EEXIST, ['EEXIST', 'it exists already']],
  [ENODEV, ['ENODEV', 'there is no such network device']],
  [20, ['ENOTDIR', 'not a directory']],
  [EXDEV, ['EXDEV', 'source validation refuses it (rp_filter)']],
  [EINVAL, ['EINVAL', 'the kernel refused an argument']],
  [23, ['ENFILE', 'the system has too many open files']],
  [24, ['EMFILE', 'the process has too many open files']],
  [25, ['ENOTTY', 'the device does not know this request']],
  [28, ['ENOSPC', 'no space left']],
  [32, ['EPIPE', 'the other end is closed']],
  [34, ['ERANGE', 'the value is out of range']],
  [36, ['ENAMETOOLONG', 'the name is too long']],
  [38, ['ENOSYS', 'the kernel does not have this call']],
  [61, ['ENODATA', 'no data there']],
  [EPROTO, ['EPROTO', 'protocol error reported by the network']],
  [75, ['EOVERFLOW', 'the value is too large']],
  [77, ['EBADFD', 'the device is gone or not attached']],
  [88, ['ENOTSOCK', 'the descriptor is not a socket']],
  [EMSGSIZE, ['EMSGSIZE', 'the packet is larger than the path takes']],
  [ENOPROTOOPT, ['ENOPROTOOPT', 'the protocol or option is not there']],
  [93, ['EPROTONOSUPPORT', 'the kernel does not have this protocol']],
  [94, ['ESOCKTNOSUPPORT', 'the kernel does not have this kind of socket']],
  [EOPNOTSUPP, ['EOPNOTSUPP', 'not supported here']],
  [
    EAFNOSUPPORT,
    ['EAFNOSUPPORT', 'the kernel does not have this address family; IPv6 may be switched off'],
  ],
  [EADDRINUSE, ['EADDRINUSE', 'another process has this address and port']],
  [EADDRNOTAVAIL, ['EADDRNOTAVAIL', 'no interface of this machine has this address']],
  [ENETDOWN, ['ENETDOWN', 'the network device is down']],
  [ENETUNREACH, ['ENETUNREACH', 'there is no route to this network']],
  [104, ['ECONNRESET', 'the connection was reset']],
  [ENOBUFS, ['ENOBUFS', 'the kernel is out of buffer space']],
  [110, ['ETIMEDOUT', 'no answer in time']],
  [ECONNREFUSED, ['ECONNREFUSED', 'refused: nothing listens there']],
  [EHOSTDOWN, ['EHOSTDOWN', 'the host is down']],
  [EHOSTUNREACH, ['EHOSTUNREACH', 'the host cannot be reached']],
])
