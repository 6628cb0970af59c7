import { StringDecoder } from 'node:string_decoder'

/** Cuts a stream of octets into lines; never holds more than `limit` characters of an unfinished one. */
export class LineSplitter {
  readonly #limit: number
  readonly #decoder = new StringDecoder('utf8')
  #rest = ''

  constructor(limit: number) {
    this.#limit = limit
  }

  /** @returns the lines that `chunk` finished, or `'too-long'`, after which the stream is of no use. */
  push(chunk: Uint8Array): readonly string[] | 'too-long' {
    const lines = (this.#rest + this.#decoder.write(Buffer.from(chunk))).split('\n')
    this.#rest = lines.pop() ?? ''
    if ([this.#rest, ...lines].some((line) => line.length > this.#limit)) return 'too-long'
    return lines.filter((line) => line.trim() !== '')
  }
}
