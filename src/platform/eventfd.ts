import { Descriptor } from './descriptor.ts'
import { checked, EAGAIN, SystemError } from './errno.ts'
import { allocateMemory, lastErrno, program } from './native.ts'

/** Wakes a thread that waits in `PollSet.wait`. Its descriptor number may be handed to another thread of the process. */
export class EventFd {
  readonly #descriptor: Descriptor
  readonly #count = allocateMemory(8)

  constructor(fd: number) {
    this.#descriptor = new Descriptor(fd)
  }

  get fd(): number {
    return this.#descriptor.fd
  }

  signal(): void {
    this.#count.words[0] = 1
    // A counter that is full is signalled already.
    if (write(this.fd, this.#count.address, 8) < 0 && lastErrno() !== EAGAIN) {
      throw new SystemError('write', lastErrno(), 'eventfd')
    }
  }

  /** Takes all signals that came. @returns whether there was one. */
  clear(): boolean {
    if (read(this.fd, this.#count.address, 8) === 8) return true
    const errno = lastErrno()
    if (errno !== EAGAIN) throw new SystemError('read', errno, 'eventfd')
    return false
  }

  close(): void {
    this.#descriptor.close()
  }
}

export function openEventFd(): EventFd {
  return new EventFd(checked('eventfd', eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)))
}

const eventfd: (count: number, flags: number) => number = program.func(
  'int eventfd(unsigned int count, int flags)',
)
const read: (fd: number, buffer: number, octets: number) => number = program.func(
  'long read(int fd, uint64_t buffer, size_t octets)',
)
const write: (fd: number, buffer: number, octets: number) => number = program.func(
  'long write(int fd, uint64_t buffer, size_t octets)',
)

const EFD_CLOEXEC = 0x80000
const EFD_NONBLOCK = 0x800
