// A data plane in a process of its own, driven by lines of JSON on its standard input; what it says goes out the same way.
import { createInterface } from 'node:readline'
import { fromHex, toHex } from '#bytes/hex'
import { Secret } from '#bytes/secret'
import { UserspaceDataPlane } from '#dataplane/userspace/userspace-data-plane'
import type { DataPlaneCall } from './data-plane-process.ts'

const say = (value: unknown): void => {
  process.stdout.write(
    `${JSON.stringify(value, (_, one) => (one instanceof Uint8Array ? toHex(one) : one))}\n`,
  )
}

const plane = new UserspaceDataPlane({
  onEvent: (event) => say({ event }),
  onWarning: (warning) => say({ warning }),
  workers: Number(process.argv[2]),
})

for await (const line of createInterface({ input: process.stdin })) {
  const { id, call } = JSON.parse(line) as { id: number; call: DataPlaneCall }
  try {
    say({ id, result: (await perform(call)) ?? null })
  } catch (error) {
    say({ id, error: (error as Error).message })
  }
  if (call.kind === 'close') process.exit(0)
}

async function perform(call: DataPlaneCall): Promise<unknown> {
  switch (call.kind) {
    case 'configure':
      return await plane.configure(call.settings)
    case 'install':
      return plane.installSa({
        ...call.sa,
        encryptionKey: new Secret(fromHex(call.encryptionKey)),
        integrityKey: new Secret(fromHex(call.integrityKey)),
      })
    case 'remove':
      return plane.removeSa(call.sa)
    case 'move':
      return plane.moveSas(call.tunnel, call.local, call.remote)
    case 'ike':
      return plane.sendIke(fromHex(call.octets), call.local, call.remote)
    case 'probe-path':
      return plane.probePath(call.tunnel, call.id, call.octets)
    case 'ask-host':
      return plane.askHost(call.tunnel, call.echo)
    case 'limit-path':
      return plane.limitPath(call.tunnel, call.octets)
    case 'keepalive':
      return plane.sendNatKeepalive(call.local, call.remote)
    case 'counters':
      return plane.counters()
    case 'close':
      return await plane.close()
    case 'exit':
      process.exit(0)
  }
}
