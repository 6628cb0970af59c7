import { program } from './native.ts'

/** The part of libcrypto that ESP uses, in the library inside Node. Contexts, ciphers and digests are opaque addresses. */
export type OpensslFunctions = {
  readonly fetchCipher: (library: number, name: string, properties: null) => number
  readonly digestByName: (name: string) => number
  readonly newCipherContext: () => number
  readonly freeCipherContext: (context: number) => void
  readonly setPadding: (context: number, on: number) => number
  readonly setKey: (
    context: number,
    cipher: number,
    engine: number,
    key: Uint8Array,
    iv: null,
    encrypt: number,
  ) => number
  /** The hot ones: every pointer is a prepared address. */
  readonly encryptInit: Init
  readonly encryptUpdate: Update
  readonly decryptInit: Init
  readonly decryptUpdate: Update
  /** Like `init`, with an array of OSSL_PARAM set in the same call. */
  readonly encryptInitWith: Init
  /**
   * Straight to the cipher: with `out` 0 associated data, with `input` 0 the end. @returns octets written, or -1; -1 at the
   * end of an AEAD's decryption says that the ICV is wrong
   */
  readonly cipher: (context: number, out: number, input: number, octets: number) => number
  readonly control: (context: number, command: number, argument: number, data: number) => number
  readonly getParameters: (context: number, parameters: number) => number
  readonly setParameters: (context: number, parameters: number) => number
  readonly newHmacContext: () => number
  readonly freeHmacContext: (context: number) => void
  readonly setHmacKey: (
    context: number,
    key: Uint8Array,
    octets: number,
    digest: number,
    engine: number,
  ) => number
  readonly hmacInit: (
    context: number,
    key: number,
    octets: number,
    digest: number,
    engine: number,
  ) => number
  readonly hmacUpdate: (context: number, data: number, octets: number) => number
  readonly hmacFinal: (context: number, out: number, octets: number) => number
  readonly fetchMac: (library: number, name: string, properties: null) => number
  readonly newMacContext: (mac: number) => number
  readonly freeMacContext: (context: number) => void
  readonly macInit: (context: number, key: number, octets: number, parameters: number) => number
  readonly macUpdate: (context: number, data: number, octets: number) => number
  readonly macFinal: (context: number, out: number, outOctets: number, room: number) => number
  readonly compare: (a: number, b: number, octets: number) => number
  readonly random: (out: number, octets: number) => number
}

type Init = (context: number, cipher: number, engine: number, key: number, iv: number) => number
type Update = (
  context: number,
  out: number,
  outOctets: number,
  input: number,
  octets: number,
) => number

/** Undefined where this Node was built with another library, or with one that hides a function we need. */
export function loadOpenssl(): OpensslFunctions | undefined {
  try {
    return load()
  } catch {
    return undefined
  }
}

function load(): OpensslFunctions {
  const init = (name: string): Init =>
    program.func(`int ${name}(uint64_t c, uint64_t t, uint64_t e, uint64_t k, uint64_t iv)`)
  const update = (name: string): Update =>
    program.func(`int ${name}(uint64_t c, uint64_t out, uint64_t outl, uint64_t in, int inl)`)
  return {
    fetchCipher: program.func(
      'uint64_t EVP_CIPHER_fetch(uint64_t library, const char *name, const char *properties)',
    ),
    digestByName: program.func('uint64_t EVP_get_digestbyname(const char *name)'),
    newCipherContext: program.func('uint64_t EVP_CIPHER_CTX_new()'),
    freeCipherContext: program.func('void EVP_CIPHER_CTX_free(uint64_t c)'),
    setPadding: program.func('int EVP_CIPHER_CTX_set_padding(uint64_t c, int on)'),
    setKey: program.func(
      'int EVP_CipherInit_ex(uint64_t c, uint64_t t, uint64_t e, void *key, void *iv, int encrypt)',
    ),
    encryptInit: init('EVP_EncryptInit_ex'),
    encryptUpdate: update('EVP_EncryptUpdate'),
    decryptInit: init('EVP_DecryptInit_ex'),
    decryptUpdate: update('EVP_DecryptUpdate'),
    encryptInitWith: init('EVP_EncryptInit_ex2'),
    cipher: program.func('int EVP_Cipher(uint64_t c, uint64_t out, uint64_t in, unsigned int n)'),
    control: program.func('int EVP_CIPHER_CTX_ctrl(uint64_t c, int command, int n, uint64_t data)'),
    getParameters: program.func('int EVP_CIPHER_CTX_get_params(uint64_t c, uint64_t parameters)'),
    setParameters: program.func('int EVP_CIPHER_CTX_set_params(uint64_t c, uint64_t parameters)'),
    newHmacContext: program.func('uint64_t HMAC_CTX_new()'),
    freeHmacContext: program.func('void HMAC_CTX_free(uint64_t c)'),
    setHmacKey: program.func('HMAC_Init_ex', 'int', [
      'uint64_t',
      'void *',
      'int',
      'uint64_t',
      'uint64_t',
    ]),
    hmacInit: program.func(
      'int HMAC_Init_ex(uint64_t c, uint64_t k, int n, uint64_t d, uint64_t e)',
    ),
    hmacUpdate: program.func('int HMAC_Update(uint64_t c, uint64_t data, size_t n)'),
    hmacFinal: program.func('int HMAC_Final(uint64_t c, uint64_t out, uint64_t outl)'),
    fetchMac: program.func(
      'uint64_t EVP_MAC_fetch(uint64_t library, const char *name, const char *properties)',
    ),
    newMacContext: program.func('uint64_t EVP_MAC_CTX_new(uint64_t mac)'),
    freeMacContext: program.func('void EVP_MAC_CTX_free(uint64_t c)'),
    macInit: program.func('int EVP_MAC_init(uint64_t c, uint64_t k, size_t n, uint64_t p)'),
    macUpdate: program.func('int EVP_MAC_update(uint64_t c, uint64_t data, size_t n)'),
    macFinal: program.func('int EVP_MAC_final(uint64_t c, uint64_t out, uint64_t outl, size_t n)'),
    compare: program.func('int CRYPTO_memcmp(uint64_t a, uint64_t b, size_t n)'),
    random: program.func('int RAND_bytes(uint64_t out, int n)'),
  }
}
