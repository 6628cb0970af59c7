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

const closeDescriptor: (fd: number) => number = program.func('int close(int fd)')
