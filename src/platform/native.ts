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
  /** The same octets as pointers. */
  readonly pointers: BigUint64Array
  readonly address: bigint
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
    pointers: new BigUint64Array(buffer),
    address: koffi.address(octets),
  }
}
