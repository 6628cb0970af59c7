import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { LIBRESWAN } from '../../tools/install-peers.ts'
import { eventually, type Outcome, runOk } from './process.ts'
import { GUEST_SHARED, type UmlGuest } from './uml.ts'

/** One connection in libreswan's own keys (ipsec.conf(5)); those not given stay at libreswan's defaults. */
export type LibreswanConnection = {
  readonly name: string
  readonly left: string
  readonly leftsubnet: string
  readonly right: string
  readonly rightsubnet: string
  readonly psk: string
  /** `aes256-sha2_256-modp2048`. */
  readonly ike: string
  /** `aes_gcm256`; with PFS the group behind a semicolon. */
  readonly esp: string
  readonly [key: string]: string
}

/** A pluto in a guest, IKEv1 and the guest kernel's ESP. */
export class Libreswan {
  readonly #guest: UmlGuest

  private constructor(guest: UmlGuest) {
    this.#guest = guest
  }

  static async start(guest: UmlGuest): Promise<Libreswan> {
    const nss = join(guest.shared, 'nss')
    mkdirSync(nss)
    mkdirSync(join(guest.shared, 'ipsec.d'))
    await runOk(['certutil', '-N', '-d', `sql:${nss}`, '--empty-password'])
    const libreswan = new Libreswan(guest)
    libreswan.#write([])
    // pluto looks for its own programs there, and nowhere else.
    await guest.run(
      `mount -t tmpfs tmpfs /usr/libexec && ln -s ${PROGRAMS} /usr/libexec/ipsec && mkdir -p ${RUN}`,
    )
    await guest.run(
      `setsid ${PROGRAMS}/pluto --nofork --config ${CONF} </dev/null >${GUEST_SHARED}/pluto.out 2>&1 &`,
    )
    await eventually('pluto listens', async () => (await libreswan.#whack('--listen')).code === 0, {
      patience: 20_000,
      interval: 100,
    })
    return libreswan
  }

  /** Adds a connection, in place of one of the same name; SAs of that one end. */
  async add(connection: LibreswanConnection): Promise<void> {
    this.#write([connection])
    await this.#load(connection.name)
  }

  /** The same from texts for ipsec.conf and ipsec.secrets. */
  async addText(name: string, conf: string, secrets: string): Promise<void> {
    const { shared } = this.#guest
    const defaults = section('conn %default', { leftupdown: '/bin/true' })
    writeFileSync(join(shared, 'ipsec.conf'), `${section('config setup', SETUP)}${defaults}${conf}`)
    writeFileSync(join(shared, 'ipsec.secrets'), secrets)
    await this.#load(name)
  }

  /** Negotiates. A failure, or `patience` in seconds that is over, is an outcome, not an exception. */
  up(name: string, patience = 10): Promise<Outcome> {
    return this.#whack(`--initiate --name ${name}`, `timeout ${patience} `)
  }

  async down(name: string): Promise<void> {
    await this.#whack(`--terminate --name ${name}`)
  }

  /** Ends all of a connection's SAs and forgets it. */
  async remove(name: string): Promise<void> {
    await this.#whack(`--delete --name ${name}`)
  }

  /** Its states in its own words, one line each, such as `#2: "link":500 STATE_QUICK_R2 (IPsec SA established); …`. */
  async states(name: string): Promise<readonly string[]> {
    const { stdout } = await this.#whack('--showstates')
    return stdout.split('\n').filter((line) => line.includes(`"${name}"`))
  }

  /** Ends the process at once, without a word to anyone. */
  async kill(): Promise<void> {
    await this.#guest.run(`kill -9 $(cat ${RUN}/pluto.pid)`)
  }

  log(): string {
    const file = join(this.#guest.shared, 'pluto.log')
    return existsSync(file) ? readFileSync(file, 'utf8') : ''
  }

  async #load(name: string): Promise<void> {
    await this.#whack('--rereadsecrets')
    const outcome = await this.#guest.run(
      `${PROGRAMS}/addconn --config ${CONF} --ctlsocket ${RUN}/pluto.ctl ${name}`,
    )
    if (outcome.code !== 0) throw new Error(`addconn: ${outcome.stdout}${outcome.stderr}`)
  }

  #whack(args: string, before = ''): Promise<Outcome> {
    return this.#guest.run(`${before}${PROGRAMS}/whack --ctlsocket ${RUN}/pluto.ctl ${args}`)
  }

  #write(connections: readonly LibreswanConnection[]): void {
    const { shared } = this.#guest
    const sections = connections.map(({ name, psk: _, ...keys }) =>
      section(`conn ${name}`, { ...CONNECTION, ...keys }),
    )
    writeFileSync(
      join(shared, 'ipsec.conf'),
      [section('config setup', SETUP), ...sections].join(''),
    )
    const secrets = connections.map(
      ({ left, right, leftid = left, rightid = right, psk }) =>
        `${leftid} ${rightid} : PSK "${psk}"\n`,
    )
    writeFileSync(join(shared, 'ipsec.secrets'), secrets.join(''))
  }
}

const PROGRAMS = `${LIBRESWAN}/usr/libexec/ipsec`
const CONF = `${GUEST_SHARED}/ipsec.conf`
const RUN = '/run/pluto'

const SETUP = {
  'ikev1-policy': 'accept',
  logfile: `${GUEST_SHARED}/pluto.log`,
  secretsfile: `${GUEST_SHARED}/ipsec.secrets`,
  ipsecdir: `${GUEST_SHARED}/ipsec.d`,
  nssdir: `${GUEST_SHARED}/nss`,
  'dnssec-enable': 'no',
  nhelpers: '0',
}

const CONNECTION = {
  ikev2: 'no',
  authby: 'secret',
  auto: 'ignore',
  // Routes are there already; its script would change the machine's.
  leftupdown: '/bin/true',
}

function section(title: string, keys: Readonly<Record<string, string>>): string {
  const lines = Object.entries(keys).map(([key, value]) => `  ${key}=${value}\n`)
  return `${title}\n${lines.join('')}\n`
}
