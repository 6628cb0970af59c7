import { type Command, InvalidArgumentError, Option } from 'commander'
import type { ExitCode } from './exit-codes.ts'
import {
  makeAuthority,
  makeRequest,
  REVOCATION_REASONS,
  renewCrl,
  revoke,
  show,
  signGateway,
} from './pki.ts'
import type { Terminal } from './terminal.ts'

/** Runs a command's work with the terminal in front of its own arguments. */
export type Act = <Args extends readonly unknown[]>(
  run: (terminal: Terminal, ...args: Args) => ExitCode,
) => (...args: [...Args, Command]) => Promise<void>

/** `causeway pki …`: a small CA, enough for a pair of sites. Needs no gateway and no root. */
export function addPkiCommands(program: Command, act: Act): void {
  const pki = program
    .command('pki')
    .description('a small CA: certificates for gateways, revocation, and what a file holds')
    .addHelpText('after', EXAMPLES)
  const command = (name: string, description: string) =>
    pki
      .command(name)
      .description(description)
      .option(...FOLDER)

  command('ca', 'make a CA: ca.pem, ca.key, ca.crl')
    .argument('<name>', 'what it is called: "Example VPN CA", or a whole distinguished name')
    .addOption(keyOption())
    .option('--days <n>', 'how long it is valid', days, 3650)
    .option('--crl-url <url>', 'where gateways fetch the CRL; written into every certificate')
    .action(act(makeAuthority))

  withNames(command('sign', 'make a certificate for a gateway'))
    .argument('<name>', 'names the files; a host name is also put into the certificate')
    .option('--request <file>', 'sign this request instead of making a key here')
    .addOption(keyOption())
    .option('--days <n>', 'how long it is valid', days, 730)
    .action(act(signGateway))

  withNames(
    command('request', 'on a gateway: make a key that stays there, and a request for the CA'),
  )
    .argument('<name>', 'names the files')
    .addOption(keyOption())
    .action(act(makeRequest))

  command('revoke', 'revoke what was issued, and write the CRL')
    .argument('<name>', 'a name given to sign, or a serial number')
    .addOption(
      new Option('--reason <reason>', 'why')
        .choices(Object.keys(REVOCATION_REASONS))
        .default('unspecified'),
    )
    .option('--days <n>', 'how long the CRL is good', days, 30)
    .action(act(revoke))

  command('crl', 'write the CRL anew, before it is out of date')
    .option('--days <n>', 'how long it is good', days, 30)
    .action(act(renewCrl))

  pki
    .command('show')
    .description('what certificates, CRLs and requests say: names, expiry, chain')
    .argument('<file...>', 'PEM or DER')
    .action(act((terminal, files: string[]) => show(terminal, files)))
}

const FOLDER = ['-d, --directory <path>', 'folder of the CA', 'pki'] as const

const EXAMPLES = `
Examples:
  A CA, a certificate for each of two sites, and the CRL:
    causeway pki ca "Example VPN CA"
    causeway pki sign berlin.example.net --ip 203.0.113.10
    causeway pki sign paris.example.net --ip 198.51.100.7

  The same with keys that never leave their gateway:
    paris$  causeway pki request paris.example.net
    ca$     causeway pki sign paris.example.net --request paris.example.net.csr

  A gateway is given away, and its certificate revoked:
    causeway pki revoke paris.example.net --reason cessation-of-operation

  In the tunnel of berlin:
    certificate:
      own:   pki/berlin.example.net.pem
      key:   pki/berlin.example.net.key
      trust: [pki/ca.pem]
      crl:   [pki/ca.crl]
      id: berlin.example.net
      peer-id: paris.example.net
`

function keyOption(): Option {
  return new Option('--key <type>', 'kind of key; IKEv1 devices that know no ECDSA need RSA')
    .choices(['p256', 'p384', 'rsa3072', 'rsa4096'])
    .default('p256')
}

function withNames(command: Command): Command {
  return command
    .option('--subject <dn>', 'distinguished name, such as "CN=gw-berlin, O=Example" (CN=<name>)')
    .option('--dns <name>', 'host name it vouches for; may be repeated', collect)
    .option('--ip <address>', 'address it vouches for; may be repeated', collect)
    .option('--email <address>', 'e-mail address it vouches for; may be repeated', collect)
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value]
}

function days(text: string): number {
  const value = Number(text)
  if (Number.isInteger(value) && value > 0 && value <= 36_500) return value
  throw new InvalidArgumentError('a number of days from 1 to 36500 is needed')
}
