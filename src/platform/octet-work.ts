import { type Arena, allocateArena, arenaOver } from './arena.ts'
import { OCTET_WORK_WASM } from './octet-work-wasm.ts'

/** `esp/octet-work.ts`, by SIMD instructions of WebAssembly. */
type OctetWork = {
  copy(to: number, from: number, octets: number): void
  sum(at: number, octets: number): number
  copyAndSum(to: number, from: number, octets: number): number
}

/**
 * A packet arena whose memory is also that of a WebAssembly module, so that its kernels work on packets in place.
 * `work` is undefined where this Node has no WebAssembly (`--jitless`). Offsets outside the arena trap, as an exception.
 */
export function allocateWorkingArena(octets: number): {
  readonly arena: Arena
  readonly work: OctetWork | undefined
} {
  const wasm = (globalThis as { WebAssembly?: WebAssemblyInterface }).WebAssembly
  if (wasm === undefined) return { arena: allocateArena(octets), work: undefined }
  const pages = Math.ceil(octets / WASM_PAGE)
  const memory = new wasm.Memory({ initial: pages, maximum: pages, shared: true })
  const module = new wasm.Module(Buffer.from(OCTET_WORK_WASM, 'base64'))
  const { exports } = new wasm.Instance(module, { arena: { memory } })
  return { arena: arenaOver(memory.buffer), work: exports as OctetWork }
}

const WASM_PAGE = 65_536

/** The part used here; Node's types leave it to those of browsers. */
type WebAssemblyInterface = {
  readonly Memory: new (settings: {
    initial: number
    maximum: number
    shared: true
  }) => { readonly buffer: SharedArrayBuffer }
  readonly Module: new (octets: Uint8Array) => object
  readonly Instance: new (module: object, imports: object) => { readonly exports: object }
}
