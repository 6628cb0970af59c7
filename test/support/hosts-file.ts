import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { undoAtExit } from './leftovers.ts'
import { Namespace } from './topology.ts'

/** An /etc/hosts of its own for programs in a namespace, and no name server that answers: nothing of this machine is changed. */
export class HostsFile {
  readonly #folder: string
  readonly #hosts: string
  readonly #forget: () => void

  constructor() {
    this.#folder = mkdtempSync(join(tmpdir(), 'cw-hosts-'))
    this.#hosts = join(this.#folder, 'hosts')
    this.#forget = undoAtExit(() => rmSync(this.#folder, { recursive: true, force: true }))
    writeFileSync(join(this.#folder, 'resolv.conf'), 'nameserver 127.0.0.1\n')
    this.write({})
  }

  /** In place: what was mounted before shows it, too. */
  write(names: Readonly<Record<string, readonly string[]>>): void {
    const lines = Object.entries(names).flatMap(([name, addresses]) =>
      addresses.map((address) => `${address} ${name}\n`),
    )
    writeFileSync(this.#hosts, `127.0.0.1 localhost\n${lines.join('')}`)
  }

  /** The namespace, whose programs see this file. */
  seenFrom({ name }: Namespace): Namespace {
    return new NamespaceWithHosts(name, this.#folder)
  }

  dispose(): void {
    this.#forget()
  }
}

class NamespaceWithHosts extends Namespace {
  readonly #folder: string

  constructor(name: string, folder: string) {
    super(name)
    this.#folder = folder
  }

  override argv(argv: readonly string[]): readonly string[] {
    return super.argv(['unshare', '--mount', 'sh', '-ec', MOUNTED, this.#folder, ...argv])
  }
}

const MOUNTED =
  'for name in hosts resolv.conf; do mount --bind "$0/$name" "/etc/$name"; done; exec "$@"'
