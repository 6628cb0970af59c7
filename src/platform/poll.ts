import { EINTR, SystemError } from './errno.ts'
import { allocateMemory, lastErrno, type NativeMemory, program } from './native.ts'

/** Waits for any of a few descriptors. The array the kernel reads is prepared when the set changes, not when it waits. */
export class PollSet {
  #entries: NativeMemory = allocateMemory(POLLFD_OCTETS)
  #count = 0

  constructor(descriptors: readonly number[]) {
    this.replace(descriptors)
  }

  /** Places in `descriptors` are the indexes the other methods take. A negative one is skipped by the kernel. */
  replace(descriptors: readonly number[]): void {
    this.#entries = allocateMemory(Math.max(1, descriptors.length) * POLLFD_OCTETS)
    this.#count = descriptors.length
    descriptors.forEach((fd, index) => {
      this.#entries.view.setInt32(index * POLLFD_OCTETS, fd, true)
      this.#entries.view.setUint16(index * POLLFD_OCTETS + 4, POLLIN, true)
    })
  }

  /**
   * Blocks the thread. @param timeout milliseconds, rounded up; negative waits for ever. @returns how many are ready;
   * 0 also when a signal came.
   */
  wait(timeout: number): number {
    const ready = poll(this.#entries.address, this.#count, Math.min(Math.ceil(timeout), MAX_INT))
    if (ready >= 0) return ready
    const errno = lastErrno()
    if (errno !== EINTR) throw new SystemError('poll', errno)
    // The kernel left the answers of an earlier wait in place.
    for (let i = 0; i < this.#count; i++)
      this.#entries.view.setUint16(i * POLLFD_OCTETS + 6, 0, true)
    return 0
  }

  readable(index: number): boolean {
    return (this.#answer(index) & POLLIN) !== 0
  }

  /** An entry stands in the socket's error queue, or the descriptor is broken. */
  failed(index: number): boolean {
    return (this.#answer(index) & (POLLERR | POLLHUP | POLLNVAL)) !== 0
  }

  #answer(index: number): number {
    return this.#entries.view.getUint16(index * POLLFD_OCTETS + 6, true)
  }
}

const poll: (entries: number, count: number, timeout: number) => number = program.func(
  'int poll(uint64_t fds, unsigned long count, int timeout)',
)

/** `struct pollfd`: fd 0, events 4, revents 6. */
const POLLFD_OCTETS = 8
const POLLIN = 1
const POLLERR = 8
const POLLHUP = 16
const POLLNVAL = 32
const MAX_INT = 0x7fff_ffff
