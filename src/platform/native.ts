import koffi, { type LibraryHandle } from 'koffi'

/** The running program: libc and the OpenSSL inside Node, without any library of our own. */
export const program: LibraryHandle = koffi.load(null)

/** errno of the last native call of this thread; read it before anything else is called. */
export function lastErrno(): number {
  return koffi.errno()
}

/**
 * Memory at a fixed address that JavaScript and native code both read and write. It lives as long as this value is
 * reachable: keep it in a field of whoever gives the address away.
 */
export type NativeMemory = {
  readonly octets: Uint8Array
  readonly view: DataView
  /** The same octets as 32-bit words in host order, which is little-endian on both supported machines. */
  readonly words: Uint32Array
  /**
   * A pointer as a number: no process has addresses above 2⁵³. Native calls take numbers sooner than BigInts, and those that were made
   * once and kept cost no allocation.
   */
  readonly address: number
}

/** Zeroed, aligned to 8 octets. */
export function allocateMemory(octets: number): NativeMemory {
  return memoryOver(new ArrayBuffer(Math.ceil(octets / 8) * 8))
}

export function memoryOver(buffer: ArrayBufferLike): NativeMemory {
  const octets = new Uint8Array(buffer)
  return {
    octets,
    view: new DataView(buffer),
    words: new Uint32Array(buffer),
    address: Number(koffi.address(octets)),
  }
}

/** Stores a pointer, or another 64-bit value below 2⁵³, at octet `at`, which must be a multiple of 8 like every pointer in a structure. */
export function writePointer(words: Uint32Array, at: number, value: number): void {
  words[at >> 2] = value
  words[(at >> 2) + 1] = value / 0x1_0000_0000
}
