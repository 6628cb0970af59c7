import { checked } from './errno.ts'
import { program } from './native.ts'

/** An open file descriptor of this process, closed at most once. */
export class Descriptor {
  #fd: number

  constructor(fd: number) {
    this.#fd = fd
  }

  get fd(): number {
    return this.#fd
  }

  close(): void {
    if (this.#fd < 0) return
    closeDescriptor(this.#fd)
    this.#fd = -1
  }
}

/**
 * A second descriptor for the same open file, for another thread to own: its number stays good when the first is closed. @throws SystemError
 */
export function duplicate(fd: number): number {
  return checked('fcntl F_DUPFD_CLOEXEC', fcntl(fd, F_DUPFD_CLOEXEC, 0))
}

const fcntl: (fd: number, command: number, argument: number) => number = program.func(
  'int fcntl(int fd, int command, int argument)',
)
const closeDescriptor: (fd: number) => number = program.func('int close(int fd)')

const F_DUPFD_CLOEXEC = 1030
