import { allocateMemory, type NativeMemory, program, writePointer } from './native.ts'

/** ECDSA over a hash that was made elsewhere, through the OpenSSL inside Node; `node:crypto` always hashes first. */
export type OpensslEcdsa = {
  /** @returns r and s, each of `integerOctets`. @throws Error when OpenSSL refuses the key */
  sign(pkcs8: Uint8Array, integerOctets: number, hash: Uint8Array): Uint8Array
  /** False for whatever is no right signature; never throws. */
  verify(spki: Uint8Array, integerOctets: number, hash: Uint8Array, signature: Uint8Array): boolean
}

/** Undefined where this Node was built with another library, or with one that hides a function we need. */
export function opensslEcdsa(): OpensslEcdsa | undefined {
  try {
    const functions = load()
    return {
      sign: (pkcs8, integerOctets, hash) =>
        withKey(functions, functions.readPrivate, pkcs8, (context, memory) =>
          sign(functions, context, memory, integerOctets, hash),
        ),
      verify(spki, integerOctets, hash, signature) {
        const der = derSignature(signature, integerOctets)
        if (der === undefined || hash.length > LONGEST_HASH) return false
        try {
          return withKey(functions, functions.readPublic, spki, (context, memory) =>
            verify(functions, context, memory, hash, der),
          )
        } catch {
          return false
        }
      },
    }
  } catch {
    return undefined
  }
}

type Functions = ReturnType<typeof load>

function load() {
  const read = (name: string): ((into: number, at: number, octets: number) => number) =>
    program.func(`uint64_t ${name}(uint64_t into, uint64_t at, long octets)`)
  const init = (name: string): ((context: number) => number) =>
    program.func(`int ${name}(uint64_t context)`)
  return {
    readPrivate: read('d2i_AutoPrivateKey'),
    readPublic: read('d2i_PUBKEY'),
    freeKey: program.func('void EVP_PKEY_free(uint64_t key)') as (key: number) => void,
    newContext: program.func('uint64_t EVP_PKEY_CTX_new(uint64_t key, uint64_t engine)') as (
      key: number,
      engine: number,
    ) => number,
    freeContext: program.func('void EVP_PKEY_CTX_free(uint64_t context)') as (c: number) => void,
    clearErrors: program.func('void ERR_clear_error()') as () => void,
    signInit: init('EVP_PKEY_sign_init'),
    sign: program.func(
      'int EVP_PKEY_sign(uint64_t c, uint64_t out, uint64_t outl, uint64_t hash, size_t n)',
    ) as (c: number, out: number, outOctets: number, hash: number, octets: number) => number,
    verifyInit: init('EVP_PKEY_verify_init'),
    verify: program.func(
      'int EVP_PKEY_verify(uint64_t c, uint64_t sig, size_t n, uint64_t hash, size_t hn)',
    ) as (c: number, sig: number, sigOctets: number, hash: number, octets: number) => number,
  }
}

/** One block: a pointer, a length, the hash, the signature, then the key. */
const POINTER = 0
const LENGTH = 8
const HASH = 16
const LONGEST_HASH = 64
const SIGNATURE = HASH + LONGEST_HASH
const LONGEST_SIGNATURE = 256
const KEY = SIGNATURE + LONGEST_SIGNATURE

function withKey<T>(
  functions: Functions,
  read: Functions['readPrivate'],
  der: Uint8Array,
  use: (context: number, memory: NativeMemory) => T,
): T {
  const memory = allocateMemory(KEY + der.length)
  memory.octets.set(der, KEY)
  writePointer(memory.words, POINTER, memory.address + KEY)
  const key = read(0, memory.address + POINTER, der.length)
  // The private key need not stay in a block of ours.
  memory.octets.fill(0, KEY)
  try {
    if (key === 0) throw new Error('OpenSSL cannot read the key')
    const context = functions.newContext(key, 0)
    if (context === 0) throw new Error('OpenSSL has no memory')
    try {
      return use(context, memory)
    } finally {
      functions.freeContext(context)
    }
  } finally {
    if (key !== 0) functions.freeKey(key)
    functions.clearErrors()
  }
}

function sign(
  functions: Functions,
  context: number,
  memory: NativeMemory,
  integerOctets: number,
  hash: Uint8Array,
): Uint8Array {
  if (hash.length > LONGEST_HASH) throw new RangeError(`a hash of ${hash.length} octets`)
  memory.octets.set(hash, HASH)
  writePointer(memory.words, LENGTH, LONGEST_SIGNATURE)
  const at = (offset: number) => memory.address + offset
  const done =
    functions.signInit(context) === 1 &&
    functions.sign(context, at(SIGNATURE), at(LENGTH), at(HASH), hash.length) === 1
  if (!done) throw new Error('OpenSSL cannot sign with this key')
  const octets = memory.words[LENGTH >> 2] ?? 0
  return fixedSignature(memory.octets.slice(SIGNATURE, SIGNATURE + octets), integerOctets)
}

function verify(
  functions: Functions,
  context: number,
  memory: NativeMemory,
  hash: Uint8Array,
  der: Uint8Array,
): boolean {
  memory.octets.set(hash, HASH)
  memory.octets.set(der, SIGNATURE)
  const at = (offset: number) => memory.address + offset
  // 1 alone is a yes: 0 means wrong, below 0 means that something failed (CVE-2013-2944).
  return (
    functions.verifyInit(context) === 1 &&
    functions.verify(context, at(SIGNATURE), der.length, at(HASH), hash.length) === 1
  )
}

/** SEQUENCE { r, s } as OpenSSL wants it. @returns undefined unless both are there and not zero */
function derSignature(signature: Uint8Array, integerOctets: number): Uint8Array | undefined {
  if (signature.length !== 2 * integerOctets || integerOctets > 66) return undefined
  const integers = [signature.subarray(0, integerOctets), signature.subarray(integerOctets)]
  if (integers.some((integer) => integer.every((octet) => octet === 0))) return undefined
  const content = integers.flatMap((integer) => {
    const start = integer.findIndex((octet) => octet !== 0)
    const short = [...integer.subarray(start)]
    const positive = ((short[0] ?? 0) & 0x80) === 0 ? short : [0, ...short]
    return [0x02, positive.length, ...positive]
  })
  const length = content.length < 0x80 ? [content.length] : [0x81, content.length]
  return Uint8Array.from([0x30, ...length, ...content])
}

function fixedSignature(der: Uint8Array, integerOctets: number): Uint8Array {
  const fixed = new Uint8Array(2 * integerOctets)
  let at = (der[1] ?? 0) < 0x80 ? 2 : 3
  for (const end of [integerOctets, 2 * integerOctets]) {
    const length = der[at + 1] ?? 0
    const integer = der.subarray(at + 2, at + 2 + length)
    const short = integer[0] === 0 ? integer.subarray(1) : integer
    fixed.set(short, end - short.length)
    at += 2 + length
  }
  return fixed
}
