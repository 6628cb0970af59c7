import { Descriptor } from './descriptor.ts'
import { checked, EINTR, SystemError } from './errno.ts'
import { allocateMemory, lastErrno, type NativeMemory, program } from './native.ts'

/**
 * Waits for any of many descriptors (epoll(7)). Unlike poll(), what it costs depends on how many are ready, not on how many there
 * are: a gateway has a device for each tunnel.
 */
export class ReadySet {
  #epoll: Descriptor
  readonly #events: NativeMemory = allocateMemory(MOST_EVENTS * EVENT_OCTETS)

  constructor(descriptors: readonly number[]) {
    this.#epoll = openEpoll()
    this.#add(descriptors, NONE)
  }

  /**
   * Places in `descriptors` are the indexes that `index` gives. Negative ones are left out.
   * @param errorsOnly those that somebody else reads
   */
  replace(descriptors: readonly number[], errorsOnly: ReadonlySet<number> = NONE): void {
    this.#epoll.close()
    this.#epoll = openEpoll()
    this.#add(descriptors, errorsOnly)
  }

  /**
   * Blocks the thread. @param timeout milliseconds, rounded up; negative waits for ever. @returns how many are ready, of which
   * `index`, `readable` and `failed` tell; 0 also when a signal came.
   */
  wait(timeout: number): number {
    const { address } = this.#events
    const ready = epollWait(this.#epoll.fd, address, MOST_EVENTS, Math.ceil(timeout))
    if (ready >= 0) return ready
    const errno = lastErrno()
    if (errno !== EINTR) throw new SystemError('epoll_wait', errno)
    return 0
  }

  /** Which descriptor the ready one number `place` is. */
  index(place: number): number {
    return this.#events.words[(place * EVENT_OCTETS + DATA) >> 2] as number
  }

  readable(place: number): boolean {
    return (this.#answer(place) & EPOLLIN) !== 0
  }

  /** An entry stands in the socket's error queue, or the descriptor is broken. */
  failed(place: number): boolean {
    return (this.#answer(place) & (EPOLLERR | EPOLLHUP)) !== 0
  }

  close(): void {
    this.#epoll.close()
  }

  #answer(place: number): number {
    return this.#events.words[(place * EVENT_OCTETS) >> 2] as number
  }

  #add(descriptors: readonly number[], errorsOnly: ReadonlySet<number>): void {
    const event = allocateMemory(EVENT_OCTETS)
    descriptors.forEach((fd, index) => {
      if (fd < 0) return
      // The kernel tells of errors without being asked.
      event.words[0] = errorsOnly.has(fd) ? 0 : EPOLLIN
      event.words[DATA >> 2] = index
      checked('epoll_ctl', epollControl(this.#epoll.fd, EPOLL_CTL_ADD, fd, event.address))
    })
  }
}

const NONE: ReadonlySet<number> = new Set()

function openEpoll(): Descriptor {
  return new Descriptor(checked('epoll_create1', epollCreate(EPOLL_CLOEXEC)))
}

const epollCreate: (flags: number) => number = program.func('int epoll_create1(int flags)')
const epollControl: (epoll: number, operation: number, fd: number, event: number) => number =
  program.func('int epoll_ctl(int epfd, int op, int fd, uint64_t event)')
const epollWait: (epoll: number, events: number, most: number, timeout: number) => number =
  program.func('int epoll_wait(int epfd, uint64_t events, int maxevents, int timeout)')

/** `struct epoll_event` is packed on x86-64 and nowhere else: events 0, data 4 or 8. */
const PACKED = process.arch === 'x64'
const EVENT_OCTETS = PACKED ? 12 : 16
const DATA = PACKED ? 4 : 8
const MOST_EVENTS = 64
const EPOLL_CLOEXEC = 0x80000
const EPOLL_CTL_ADD = 1
const EPOLLIN = 1
const EPOLLERR = 8
const EPOLLHUP = 16
