import type { Secret } from '#bytes/secret'
import {
  type Certificate,
  MalformedPki,
  parseCertificate,
  parseCertificates,
} from '#pki/certificate'
import { parseCrl } from '#pki/crl'
import { type KeyFile, readKeyFile } from '#pki/node-private-key'
import { LEAST_RSA_BITS } from '#pki/public-key'
import type { RevocationPolicy } from '#pki/revocation'
import { UnreadableKey } from '#pki/unreadable-key'
import type { CertificateCredentials, TrustAnchors } from '#pki/verify-peer'
import { isKeyFileName } from './blank-secrets.ts'
import type { CertificateDraft } from './certificate-values.ts'
import { type Environment, isContents, isTrouble, unreadable } from './files.ts'
import type { ProblemText } from './problem.ts'
import { absolute, chmodLine, exposure, readPsk } from './psk.ts'

export type CertificateFinding = ProblemText & {
  readonly severity: 'error' | 'warning'
  /** Key below `certificate`. */
  readonly key: keyof CertificateDraft
  readonly index?: number
  /** Where to point instead of the line of the configuration. */
  readonly file?: string
}

export type ReadCertificate = {
  /** Absent when a finding is an error. */
  readonly credentials?: CertificateCredentials
  /** Instead, where no key of ours is named. */
  readonly anchors?: TrustAnchors
  readonly findings: readonly CertificateFinding[]
  readonly files: readonly string[]
}

/** Reads all that `certificate` names. What it holds is judged by the rules, not here. */
export function readCertificate(
  draft: CertificateDraft,
  folder: string,
  environment: Environment,
): ReadCertificate {
  return new Reading(folder, environment).read(draft)
}

const LONGEST_FILE = 1024 * 1024
const LONGEST_CRL_FILE = 32 * 1024 * 1024

class Reading {
  readonly #findings: CertificateFinding[] = []
  readonly #files: string[] = []
  readonly #folder: string
  readonly #environment: Environment

  constructor(folder: string, environment: Environment) {
    this.#folder = folder
    this.#environment = environment
  }

  read(draft: CertificateDraft): ReadCertificate {
    const passphrase = this.#passphrase(draft)
    const keyFile = this.#key(draft, passphrase)
    const own = this.#own(draft, keyFile)
    const trust = draft.trust.flatMap((path, i) => this.#certificates('trust', path, i))
    const crls = draft.crl.flatMap((path, i) => this.#crl(path, i))
    const result = { findings: this.#findings, files: this.#files }
    const failed = this.#findings.some(({ severity }) => severity === 'error')
    const policy = { revocation: policyOf(draft), ...optionsOf(draft) }
    if (draft.key === undefined && !failed) {
      return { ...result, anchors: { trust, crls, ...policy } }
    }
    if (keyFile === undefined || failed) return result
    const ordered = this.#leafFirst(own, keyFile)
    if (ordered === undefined) return result
    return {
      ...result,
      credentials: { own: ordered, key: keyFile.key, trust, crls, ...policy },
    }
  }

  #passphrase({ passphrase: source }: CertificateDraft): Secret | undefined {
    if (source === undefined) return undefined
    const { psk, findings, file } = readPsk(source, this.#folder, this.#environment)
    if (file !== undefined) this.#files.push(file)
    // How good a passphrase is matters little beside who can read the file it opens.
    for (const { severity, message, hints, file: at } of findings) {
      if (severity === 'error')
        this.#say(
          'passphrase',
          { message: message.replaceAll('pre-shared key', 'passphrase'), hints },
          at,
        )
    }
    return psk
  }

  #key({ key }: CertificateDraft, passphrase: Secret | undefined): KeyFile | undefined {
    if (key === undefined) return undefined
    const path = absolute(key, this.#folder)
    const octets = this.#octets('key', key)
    if (octets === undefined) return undefined
    const open = exposure(octets.mode, 'this key')
    if (open !== undefined) {
      this.#say('key', { message: open, hints: [chmodLine(path)] }, path)
      return undefined
    }
    try {
      return readKeyFile(octets.octets, passphrase)
    } catch (error) {
      if (!(error instanceof UnreadableKey)) throw error
      const hints =
        error.code === 'passphrase-needed' ? ['say it as passphrase: file:PATH or env:NAME'] : []
      this.#say('key', { message: `no private key: ${error.message}`, hints }, path)
      return undefined
    }
  }

  #certificates(key: 'own' | 'trust', written: string, index?: number): readonly Certificate[] {
    const path = absolute(written, this.#folder)
    const read = this.#octets(key, written, index)
    if (read === undefined) return []
    try {
      return parseCertificates(read.octets)
    } catch (error) {
      if (!(error instanceof MalformedPki)) throw error
      this.#say(key, { message: error.message }, path)
      return []
    }
  }

  #own(draft: CertificateDraft, keyFile: KeyFile | undefined): readonly Certificate[] {
    if (draft.key === undefined) return []
    return draft.own === undefined ? this.#beside(keyFile) : this.#certificates('own', draft.own)
  }

  /** What a PKCS #12 file holds beside the key. */
  #beside(keyFile: KeyFile | undefined): readonly Certificate[] {
    if (keyFile === undefined) return []
    if (keyFile.certificates.length === 0) {
      const hints = ['own: PATH; it may be left out only when key is a PKCS #12 file that holds it']
      this.#say('own', { message: 'our certificate is missing', hints })
      return []
    }
    try {
      return keyFile.certificates.map((der) => parseCertificate(der))
    } catch (error) {
      if (!(error instanceof MalformedPki)) throw error
      this.#say('key', { message: error.message })
      return []
    }
  }

  #crl(written: string, index: number): readonly Uint8Array[] {
    const path = absolute(written, this.#folder)
    const read = this.#octets('crl', written, index, LONGEST_CRL_FILE)
    if (read === undefined) return []
    try {
      parseCrl(read.octets)
      return [read.octets]
    } catch (error) {
      if (!(error instanceof MalformedPki)) throw error
      this.#say('crl', { message: error.message }, path)
      return []
    }
  }

  /** The certificate of our key, then the others as they stand. */
  #leafFirst(own: readonly Certificate[], { key }: KeyFile): readonly Certificate[] | undefined {
    const leaf = own.find(({ publicKey }) => key.belongsTo(publicKey))
    if (leaf !== undefined) return [leaf, ...own.filter((one) => one !== leaf)]
    const [first] = own
    const message = `the key does not belong to the certificate${first === undefined ? '' : ` ${first.subject.text}`}`
    this.#say('key', { message, hints: ['own and key must be made for each other'] })
    return undefined
  }

  #octets(
    key: CertificateFinding['key'],
    written: string,
    index?: number,
    most: number = LONGEST_FILE,
  ) {
    const path = absolute(written, this.#folder)
    this.#files.push(path)
    const read = this.#environment.files.read(path, most)
    if (isTrouble(read)) {
      // Where the key is expected, anything that does not look like a path may be the key itself.
      const mayBeSecret = isContents(written) || (key === 'key' && !isKeyFileName(written))
      const text = unreadable(`certificate.${key}`, path, read, mayBeSecret)
      this.#say(key, text, undefined, index)
      return undefined
    }
    if (!read.more) return read
    this.#say(key, { message: `longer than ${most} octets` }, path)
    return undefined
  }

  #say(key: CertificateFinding['key'], text: ProblemText, file?: string, index?: number): void {
    const where = {
      ...(file === undefined ? {} : { file }),
      ...(index === undefined ? {} : { index }),
    }
    this.#findings.push({ severity: 'error', key, ...text, ...where })
  }
}

function optionsOf({
  'least-rsa-bits': leastRsaBits,
  send,
}: CertificateDraft): Pick<CertificateCredentials, 'leastRsaBits' | 'send'> {
  return {
    ...(leastRsaBits === LEAST_RSA_BITS ? {} : { leastRsaBits }),
    ...(send === 'always' ? { send } : {}),
  }
}

function policyOf({ revocation, ocsp }: CertificateDraft): RevocationPolicy {
  const crl = { off: 'off', 'crl-if-present': 'if-present', 'crl-required': 'required' } as const
  return { crl: crl[revocation], ocsp }
}
