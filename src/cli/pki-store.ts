import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf } from '#bytes/thrown'
import { type Certificate, parseCertificate, parseCertificates } from '#pki/certificate'
import { issueCrl } from '#pki/issue'
import { exportKey, type PrivateKey, readKeyFile } from '#pki/node-private-key'
import { toPem } from '#pki/pem'
import { writeNewFiles } from './new-files.ts'

/** What a CA has issued; kept as `index.json` in its folder. */
export type PkiIndex = {
  readonly schema: 1
  /** Written into certificates, where peers are to fetch the CRL from. */
  readonly crlUrl?: string
  readonly crlNumber: number
  readonly certificates: readonly IssuedCertificate[]
}

export type IssuedCertificate = {
  readonly name: string
  /** Hexadecimal. */
  readonly serial: string
  readonly subject: string
  /** Milliseconds since 1970. */
  readonly notAfter: number
  readonly revoked?: { readonly at: number; readonly reason?: number }
}

/** Something the operator must hear of, in words; nothing was changed. */
export class PkiProblem extends Error {
  override readonly name = 'PkiProblem'
}

/** A CA in a folder: `ca.pem`, `ca.key`, `ca.crl`, `index.json`, and what it made. */
export class PkiStore {
  readonly folder: string

  constructor(folder: string) {
    this.folder = folder
  }

  path(file: string): string {
    return join(this.folder, file)
  }

  create(certificate: Uint8Array, key: PrivateKey, crlUrl: string | undefined): void {
    mkdirSync(this.folder, { recursive: true, mode: 0o700 })
    this.refuseExisting('ca.key', 'ca.pem', 'index.json')
    this.writeKey('ca.key', key)
    this.write('ca.pem', toPem('CERTIFICATE', certificate))
    const index: PkiIndex = {
      schema: 1,
      crlNumber: 0,
      certificates: [],
      ...(crlUrl === undefined ? {} : { crlUrl }),
    }
    this.saveIndex(index)
  }

  authority(): { readonly certificate: Certificate; readonly key: PrivateKey } {
    const [certificate] = parseCertificates(this.#read('ca.pem'))
    const { key } = readKeyFile(this.#read('ca.key'))
    if (certificate === undefined || !key.belongsTo(certificate.publicKey))
      throw new PkiProblem(`${this.path('ca.key')} is not the key of ${this.path('ca.pem')}`)
    return { certificate, key }
  }

  index(): PkiIndex {
    const index = JSON.parse(new TextDecoder().decode(this.#read('index.json'))) as PkiIndex
    if (index.schema === 1 && Array.isArray(index.certificates)) return index
    throw new PkiProblem(`${this.path('index.json')} is not the index of a CA`)
  }

  saveIndex(index: PkiIndex): void {
    // All or nothing: a lost index could not revoke what it had listed.
    const draft = this.path(`index.json.${process.pid}`)
    writeFileSync(draft, `${JSON.stringify(index, undefined, 2)}\n`, { mode: 0o600 })
    renameSync(draft, this.path('index.json'))
  }

  /** Signs the list of what was revoked anew. @returns until when it is good */
  writeCrl(now: number, days: number): number {
    const { certificate, key } = this.authority()
    const index = this.index()
    const crlNumber = index.crlNumber + 1
    const nextUpdate = now + days * 86_400_000
    const revoked = index.certificates.flatMap(({ serial, revoked: one }) =>
      one === undefined ? [] : [{ serial: Buffer.from(serial, 'hex'), ...one }],
    )
    const number = Uint8Array.of(crlNumber >>> 24, crlNumber >>> 16, crlNumber >>> 8, crlNumber)
    const crl = issueCrl(
      { number, thisUpdate: now, nextUpdate, revoked },
      { name: certificate.subject.der, key },
    )
    this.saveIndex({ ...index, crlNumber })
    const draft = this.path(`ca.crl.${process.pid}`)
    writeFileSync(draft, toPem('X509 CRL', crl))
    renameSync(draft, this.path('ca.crl'))
    return nextUpdate
  }

  remember(name: string, der: Uint8Array): void {
    const { serial, subject, notAfter } = parseCertificate(der)
    const index = this.index()
    const issued = { name, serial, subject: subject.text, notAfter }
    this.saveIndex({ ...index, certificates: [...index.certificates, issued] })
  }

  refuseExisting(...files: readonly string[]): void {
    const there = files.find((file) => existsSync(this.path(file)))
    if (there !== undefined)
      throw new PkiProblem(`${this.path(there)} is there already; nothing is overwritten`)
  }

  /** Readable by its owner only, from the first moment on. */
  writeKey(file: string, key: PrivateKey): void {
    mkdirSync(this.folder, { recursive: true, mode: 0o700 })
    this.#create(file, exportKey(key), 0o600)
  }

  write(file: string, text: string): void {
    this.#create(file, text, 0o644)
  }

  #create(file: string, content: string, mode: number): void {
    try {
      writeNewFiles([{ path: this.path(file), content, mode }])
    } catch (error) {
      throw new PkiProblem(messageOf(error))
    }
  }

  #read(file: string): Uint8Array {
    try {
      return new Uint8Array(readFileSync(this.path(file)))
    } catch {
      throw new PkiProblem(
        `there is no CA in ${this.folder} (${file} cannot be read); make one with: causeway pki ca "NAME OF THE CA" -d ${this.folder}`,
      )
    }
  }
}

/** 127 random bits, positive: CAs must not be guessable (RFC 5280 §4.1.2.2 asks for uniqueness and 20 octets at most). */
export function freshSerial(): Uint8Array {
  const serial = new Uint8Array(randomBytes(16))
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40
  return serial
}
