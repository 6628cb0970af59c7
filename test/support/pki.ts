import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { undoAtExit } from './leftovers.ts'
import { runOk } from './process.ts'

/** A certificate and its key, as PEM files. */
export type Papers = { readonly own: string; readonly key: string }

export type IssueOptions = {
  /** Subject alternative names; an address is told from a host name. */
  readonly names?: readonly string[]
  /** `CN=…` of its own. */
  readonly subject?: string
}

/** Something that makes certificates for both gateways of a test. */
export type Authority = {
  /** PEM file with its own certificate. */
  readonly certificate: string
  issue(name: string, options?: IssueOptions): Promise<Papers>
}

/** @returns a folder for the test's keys, gone with the process, and a way to remove it before. */
export function pkiFolder(): { readonly folder: string; readonly forget: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'cw-pki-'))
  return { folder, forget: undoAtExit(() => rmSync(folder, { recursive: true, force: true })) }
}

/** The CA of the product itself: `causeway pki`. */
export class CausewayCa implements Authority {
  readonly certificate: string
  readonly crl: string
  readonly #folder: string
  readonly #key: string

  private constructor(folder: string, key: string) {
    this.certificate = join(folder, 'ca.pem')
    this.crl = join(folder, 'ca.crl')
    this.#folder = folder
    this.#key = key
  }

  /** @param key of the CA and of all it issues: `p256`, `p384`, `rsa3072`, `rsa4096` */
  static async make(folder: string, name: string, key: string): Promise<CausewayCa> {
    const ca = new CausewayCa(folder, key)
    await ca.#pki('ca', name, '--key', key)
    return ca
  }

  async issue(name: string, { names = [], subject }: IssueOptions = {}): Promise<Papers> {
    await this.#pki(
      ...['sign', name, '--key', this.#key],
      ...names.flatMap((one) => [/^[\d.]+$|:/.test(one) ? '--ip' : '--dns', one]),
      ...(subject === undefined ? [] : ['--subject', subject]),
    )
    return { own: join(this.#folder, `${name}.pem`), key: join(this.#folder, `${name}.key`) }
  }

  /** The list is written anew, to the same file. */
  async revoke(name: string): Promise<void> {
    await this.#pki('revoke', name)
  }

  async #pki(command: string, ...args: readonly string[]): Promise<void> {
    await runOk([process.execPath, CAUSEWAY, 'pki', command, '-d', this.#folder, ...args])
  }
}

/** strongSwan's own tool, `pki`. */
export class StrongswanCa implements Authority {
  readonly certificate: string
  readonly #folder: string
  readonly #caKey: string
  readonly #type: SwanKeyType

  private constructor(folder: string, name: string, type: SwanKeyType) {
    this.certificate = join(folder, `${name}.pem`)
    this.#folder = folder
    this.#caKey = join(folder, `${name}.key`)
    this.#type = type
  }

  static async make(folder: string, name: string, type: SwanKeyType): Promise<StrongswanCa> {
    mkdirSync(folder, { recursive: true })
    const ca = new StrongswanCa(folder, name, type)
    await ca.#generate(ca.#caKey)
    const dn = ['--dn', `C=CH, O=Example, CN=${name}`]
    await ca.#pki(ca.certificate, '--self', '--ca', '--in', ca.#caKey, '--type', 'priv', ...dn)
    return ca
  }

  /** A CA below this one. */
  async below(name: string): Promise<StrongswanCa> {
    const ca = new StrongswanCa(this.#folder, name, this.#type)
    await ca.#generate(ca.#caKey)
    await this.#sign(ca.#caKey, ca.certificate, '--ca', '--dn', `C=CH, O=Example, CN=${name}`)
    return ca
  }

  /** @param options `subject` in strongSwan's order: the root first. `until` as `01.02.26 00:00:00`. */
  async issue(
    name: string,
    options: IssueOptions & { readonly from?: string; readonly until?: string } = {},
  ): Promise<Papers> {
    const { names = [], subject = `C=CH, O=Example, CN=${name}`, from, until } = options
    const papers = {
      own: join(this.#folder, `${name}.pem`),
      key: join(this.#folder, `${name}.key`),
    }
    await this.#generate(papers.key)
    await this.#sign(
      papers.key,
      papers.own,
      ...['--dn', subject, '--flag', 'ikeIntermediate'],
      ...names.flatMap((one) => ['--san', one]),
      ...(from === undefined ? [] : ['--not-before', from]),
      ...(until === undefined ? [] : ['--not-after', until]),
    )
    return papers
  }

  async #sign(key: string, to: string, ...args: readonly string[]): Promise<void> {
    const issuer = ['--cacert', this.certificate, '--cakey', this.#caKey]
    await this.#pki(to, '--issue', '--in', key, '--type', 'priv', ...issuer, ...args)
  }

  async #generate(to: string): Promise<void> {
    const [type, size] = this.#type.split('-')
    await this.#pki(to, '--gen', '--type', `${type}`, '--size', `${size}`)
    chmodSync(to, 0o600)
  }

  async #pki(to: string, ...args: readonly string[]): Promise<void> {
    writeFileSync(to, await runOk(['pki', ...args, '--outform', 'pem']))
  }
}

export type SwanKeyType = 'rsa-2048' | 'rsa-4096' | 'ecdsa-256' | 'ecdsa-384'

/** The certificate and what stands between it and the root, in one file, as Causeway wants it. */
export async function chainFile(to: string, ...certificates: readonly string[]): Promise<string> {
  const [first = '', ...rest] = certificates
  copyFileSync(first, to)
  for (const one of rest) writeFileSync(to, await runOk(['cat', one]), { flag: 'a' })
  return to
}

const CAUSEWAY = join(import.meta.dirname, '..', '..', 'bin', 'causeway.js')
