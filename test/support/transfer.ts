import { join } from 'node:path'
import { firstLine, startHelper } from './helper.ts'
import type { Namespace } from './topology.ts'
import type { TransferReport } from './transfer-program.ts'

/** Sends random octets over TCP from one namespace to an address of another, and waits for both reports. */
export async function transfer(
  from: Namespace,
  to: Namespace,
  address: string,
  octets: number,
): Promise<{ readonly sent: TransferReport; readonly received: TransferReport }> {
  const target = [address, `${TCP_PORT}`]
  const receiver = await startHelper(to, PROGRAM, ['receive', ...target], 'ready')
  const sender = await startHelper(from, PROGRAM, ['send', ...target, `${octets}`])
  const sent = await firstLine<TransferReport>(sender)
  return { sent, received: await firstLine<TransferReport>(receiver) }
}

const PROGRAM = join(import.meta.dirname, 'transfer-program.ts')
const TCP_PORT = 5001
